/** What is asked and shown of people, whether of a tenant or of the relay. */
import { confirmed, showOnce } from './dialog.ts';
import { timeText } from './format.ts';

/** Shows a one-time link to whoever hands it over. Resolves when it has been put away. */
export const showLink = (email: string, { url, expiresAt }: { url: string; expiresAt: number }): Promise<void> =>
  showOnce({
    title: `A link for ${email}`,
    note: `Hand it over yourself: it signs in once, until ${timeText(expiresAt)}. It is not shown again.`,
    secret: url,
  });

/** @returns whether somebody is really to be removed. */
export const isRemovalMeant = (email: string): Promise<boolean> =>
  confirmed({
    title: `Remove ${email}?`,
    consequence: 'They are signed out everywhere and cannot sign in again.',
    action: 'Remove',
    isDangerous: true,
  });
