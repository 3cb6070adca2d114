/** Routes of whoever asks, and of the relay itself. */
import * as assistants from './assistants.ts';
import * as audit from './audit.ts';
import * as operations from './operations.ts';
import * as people from './people.ts';
import { list, PageQuery } from './common.ts';
import { routes } from './route-spec.ts';

export const RELAY_ROUTES = routes({
  // Who is asking.
  me: { method: 'GET', path: '/me', access: 'signed-in', summary: 'Who is asking', answer: people.Me },
  signIn: {
    method: 'POST',
    path: '/sign-in',
    access: 'anyone',
    summary: 'Signs in with a password; sets the cookie',
    body: people.SignIn,
    answer: people.Me,
    problems: ['sign-in-refused'],
  },
  signInByLink: {
    method: 'POST',
    path: '/sign-in/link',
    access: 'anyone',
    summary: 'Signs in with a one-time link, and uses it up; sets the cookie',
    body: people.SignInByLink,
    answer: people.Me,
    problems: ['sign-in-refused'],
  },
  signOut: { method: 'POST', path: '/sign-out', access: 'signed-in', summary: 'Ends the sign-in of this browser' },
  changePassword: {
    method: 'POST',
    path: '/password',
    access: 'signed-in',
    summary: 'Sets the own password; ends every other sign-in of this person',
    body: people.PasswordChange,
    problems: ['sign-in-refused', 'forbidden'],
  },
  choices: {
    method: 'GET',
    path: '/choices',
    access: 'signed-in',
    summary: 'Models, voices, knobs and events to choose from',
    answer: assistants.Choices,
  },

  // The relay's own.
  setupLink: {
    method: 'POST',
    path: '/setup-link',
    access: 'operator',
    summary: 'A one-time link by which an operator signs in',
    answer: people.OneTimeLink,
    status: 201,
  },
  operators: {
    method: 'GET',
    path: '/users',
    access: 'operator',
    summary: 'People who are operators',
    answer: list(people.User),
  },
  addOperator: {
    method: 'POST',
    path: '/users',
    access: 'operator',
    summary: 'Invites an operator',
    body: people.NewOperator,
    answer: people.InvitedUser,
    status: 201,
    problems: ['conflict'],
  },
  removeOperator: { method: 'DELETE', path: '/users/:user', access: 'operator', summary: 'Removes an operator' },
  relayAudit: {
    method: 'GET',
    path: '/audit',
    access: 'operator',
    summary: "The relay's own audit, newest first",
    query: PageQuery,
    answer: list(audit.AuditEntry),
  },
  verifyRelayAudit: {
    method: 'GET',
    path: '/audit/verify',
    access: 'operator',
    summary: "Recomputes the chain of the relay's own audit",
    answer: audit.AuditVerdict,
  },

  // What runs.
  operations: {
    method: 'GET',
    path: '/operations',
    access: 'operator',
    summary: 'Instances, providers, stores and conversations under way',
    answer: operations.Operations,
  },
  latencies: {
    method: 'GET',
    path: '/operations/latencies',
    access: 'operator',
    summary: 'How soon lanes were heard, turns a minute and how many failed: five minutes and a day',
    answer: operations.Latencies,
  },
  drainInstance: {
    method: 'POST',
    path: '/instances/:instance/drain',
    access: 'operator',
    summary: 'Sends an instance what SIGTERM does: its conversations go elsewhere, then it ends',
    answer: operations.Drain,
    status: 202,
  },
});
