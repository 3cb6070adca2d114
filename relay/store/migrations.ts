/** The steps that make the tables, in order; one that was released is never edited, only followed. */
import type { Migration } from 'kysely';
import { tenantsKeysAssistants } from './migration-0001.ts';
import { hosting } from './migration-0002.ts';
import { tenantSettings } from './migration-0003.ts';
import { ratings } from './migration-0004.ts';
import { continuity } from './migration-0005.ts';
import { operations } from './migration-0006.ts';

export const MIGRATIONS: Record<string, Migration> = {
  '0001-tenants-keys-assistants': tenantsKeysAssistants,
  '0002-hosting': hosting,
  '0003-tenant-settings': tenantSettings,
  '0004-ratings': ratings,
  '0005-continuity': continuity,
  '0006-operations': operations,
};
