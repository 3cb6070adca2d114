/** The demo's tenant, as generous as a measurement needs it. */

export const ADMIN = 'operator-of-the-bench-0123456789';

/** @param sessions - At once. @throws when the relay refuses; it must run with `ADMIN_TOKEN` of {@link ADMIN}. */
export async function widenLimits(origin: string, sessions: number): Promise<void> {
  const limits = { longestSessionMs: 86_400_000, concurrentSessions: sessions, connectsPerMinute: 1_000_000 };
  const answer = await fetch(`${origin}/api/admin/tenants/demo/limits`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...limits, requestsPerMinute: 1_000_000 }),
  });
  if (!answer.ok) throw new Error(`limits are refused: ${answer.status} ${await answer.text()}`);
}
