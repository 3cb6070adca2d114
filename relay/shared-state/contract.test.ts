/** The same promises in memory and on a real Redis. */
import { systemClock } from '../clock.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { startRedis } from '../testing/redis.ts';
import { LEASE_TTL_MS } from './lease-book.ts';
import { createBooks, memoryServices, redisServices, type SharedServices } from './open.ts';
import { sharedStateContract } from './testing/contract.ts';

sharedStateContract('memory', () => {
  const clocks = new Map<SharedServices, ReturnType<typeof virtualClock>>();
  const books = createBooks(virtualClock(0, Date.now()));
  let passedMs = 0;
  return Promise.resolve({
    leaseMs: LEASE_TTL_MS,
    join(self) {
      const clock = virtualClock(passedMs, Date.now());
      const services = memoryServices(self, clock, books);
      clocks.set(services, clock);
      return Promise.resolve(services);
    },
    die: (services) => void clocks.delete(services),
    pass(ms) {
      passedMs += ms;
      // In steps, as time passes everywhere at once.
      for (let left = ms; left > 0; left -= 500)
        for (const clock of clocks.values()) clock.advance(Math.min(500, left));
      return Promise.resolve();
    },
    end: () => Promise.resolve(),
  });
});

sharedStateContract('redis', async () => {
  const redis = await startRedis();
  const leaseMs = 900;
  const living = new Set<SharedServices>();
  return {
    leaseMs,
    async join(self) {
      // Its clock is wrong by an hour: only the server's counts.
      const skewMs = living.size * 3_600_000;
      const clock = { ...systemClock, wallNow: () => Date.now() + skewMs };
      const services = await redisServices(redis.url, { self, clock, leaseMs });
      living.add(services);
      return services;
    },
    die(services) {
      living.delete(services);
      void services.close();
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async end() {
      for (const services of living) await services.close();
      await redis.stop();
    },
  };
});
