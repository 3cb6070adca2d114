/** Session tokens as a page gets them: by its tenant's publishable key, from its own origin. */

/** @throws when the relay gives none; the message has the status and nothing of the answer. */
export async function fetchToken(
  relay: string,
  { tenant, origin }: { tenant: string; origin: string },
  previous?: string,
): Promise<string> {
  const answer = await fetch(new URL('/api/token', relay), {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ tenant, ...(previous !== undefined && { previous }) }),
  });
  const { token } = (await answer.json()) as { token?: string };
  if (!answer.ok || token === undefined) throw new Error(`no token: ${answer.status}`);
  return token;
}
