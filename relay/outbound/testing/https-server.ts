/**
 * An https server on loopback with a certificate that signs itself, for `keys.example`,
 * `hooks.example`, `localhost` and 127.0.0.1. Its key is no secret and guards nothing.
 */
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** To be trusted by name: the `ca` of an outbound under test. */
export const TEST_CA = `-----BEGIN CERTIFICATE-----
MIIBzzCCAXSgAwIBAgIUbngu6d4EAg7/MlkRn2MTuehi2tQwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTdm9pY2UtamliLWphYiB0ZXN0czAgFw0yNjExMjMwMzQ4NDVa
GA8yMTI2MTAzMDAzNDg0NVowHjEcMBoGA1UEAwwTdm9pY2UtamliLWphYiB0ZXN0
czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKxuBsZ/SAO44rmRU0c+n+nsN5C7
GddpxLZHtR+y+ueqiMC6ckLxV2UGU/1smU7nlw5Jnkraipp2UVXvcg/nuOGjgY0w
gYowHQYDVR0OBBYEFJufDeLMqLNiKgHUtplv350d+liaMB8GA1UdIwQYMBaAFJuf
DeLMqLNiKgHUtplv350d+liaMA8GA1UdEwEB/wQFMAMBAf8wNwYDVR0RBDAwLoIM
a2V5cy5leGFtcGxlgg1ob29rcy5leGFtcGxlgglsb2NhbGhvc3SHBH8AAAEwCgYI
KoZIzj0EAwIDSQAwRgIhAN6isUaJuoYEB4dr1L+fOZ4LRGGFsDx7g2xwahrrr+Tt
AiEA1qsZ4o+jULWDQ6GF+X5ciol9LPIZJTUgONHkqmiGA/0=
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6YKjgnWOByvgN1du
UFJkpaFm4llkqsQtfKeFDQIOn2+hRANCAASsbgbGf0gDuOK5kVNHPp/p7DeQuxnX
acS2R7UfsvrnqojAunJC8VdlBlP9bJlO55cOSZ5K2oqadlFV73IP57jh
-----END PRIVATE KEY-----
`;

export interface HttpsUnderTest {
  port: number;
  /** Connections that were opened, refused handshakes included. */
  readonly connections: number;
  /** Paths in the order they were asked. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export async function startHttps(answer: RequestListener): Promise<HttpsUnderTest> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ cert: TEST_CA, key: KEY }, (request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    asked,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
