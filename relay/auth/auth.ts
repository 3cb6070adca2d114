/**
 * Everything about who may come in, joined: keys of the relay and of tenants, revocations, and the
 * decision at the door. What it needs of the process comes in as values.
 */
import type { Clock } from '../clock.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { Directory } from '../tenants/directory.ts';
import { createAdmission, type Admit, type Quotas, type UsedTokens } from './admission.ts';
import { createJwks, type JwksProblem } from './jwks.ts';
import { readTenantKey, type ReadKey, type TenantKeyInput } from './key-material.ts';
import type { Keyring } from './keyring.ts';
import { createRevocations, type RevocationRecords, type Revocations } from './revocation.ts';
import type { FindKey } from './session-token.ts';
import { createTenantKeyFinder, findIn, type TenantKeyRecords } from './tenant-keys.ts';

export interface Auth {
  /** The relay's own keys and those of tenants. */
  readonly findKey: FindKey;
  readonly admit: Admit;
  readonly revocations: Revocations;
  /** A key that a tenant wants to add: what to store, or everything that is wrong with it. */
  readTenantKey(input: TenantKeyInput): Promise<ReadKey>;
}

export interface AuthDeps {
  keyring: Pick<Keyring, 'findKey'>;
  store: RevocationRecords & { readonly tenantKeys: TenantKeyRecords };
  directory: Pick<Directory, 'byId' | 'allowsOrigin' | 'assistant' | 'limits' | 'forget'> & {
    settings?: (tenantId: string) => Promise<{ singleUseTokens: boolean }>;
  };
  quotas: Quotas;
  usedTokens: UsedTokens;
  broadcast: Parameters<typeof createRevocations>[0]['broadcast'];
  outbound: Pick<Outbound, 'request' | 'accepts'>;
  clock: Clock;
  /** A key set that does not come, or a stored key that does not open. */
  onKeyProblem?: (problem: JwksProblem) => void;
  /** The store could not be asked for revocations. */
  onProblem?: (error: unknown) => void;
}

export function createAuth(deps: AuthDeps): Auth {
  const { keyring, store, directory, quotas, usedTokens, broadcast, outbound, clock } = deps;
  const onKeyProblem = deps.onKeyProblem ?? (() => undefined);
  const tenantKeys = createTenantKeyFinder({
    ...{ records: store.tenantKeys, clock },
    jwks: createJwks({ outbound, clock, onProblem: onKeyProblem }),
    onProblem: ({ tenantId }) => onKeyProblem({ tenantId, code: 'stored-key' }),
  });
  const findKey = findIn(keyring.findKey, tenantKeys.findKey);
  const revocations = createRevocations({
    ...{ store, broadcast, clock },
    onChange(tenantId) {
      tenantKeys.forget(tenantId);
      directory.forget();
    },
    ...(deps.onProblem && { onProblem: deps.onProblem }),
  });
  return {
    findKey,
    revocations,
    admit: createAdmission({
      ...{ findKey, directory, quotas, revocations, usedTokens, clock },
      isSingleUse: async (tenantId) => (await directory.settings?.(tenantId))?.singleUseTokens === true,
    }),
    readTenantKey: (input) => readTenantKey(input, (url) => outbound.accepts(url)),
  };
}
