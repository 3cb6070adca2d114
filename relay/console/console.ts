/** The console's script: names its elements. */
import { Console } from './app.ts';
import { AccountPage } from './pages/account.ts';
import { AssistantPage } from './pages/assistant/assistant.ts';
import { TestCall } from './pages/assistant/test-call.ts';
import { VoicePreview } from './pages/assistant/voice-preview.ts';
import { AuditPage } from './pages/audit.ts';
import { ApiKeys } from './pages/keys/api-keys.ts';
import { KeysPage } from './pages/keys/keys.ts';
import { SigningKeys } from './pages/keys/signing-keys.ts';
import { OperationsPage } from './pages/operations.ts';
import { OriginsPage } from './pages/origins.ts';
import { OverviewPage } from './pages/overview.ts';
import { PeoplePage } from './pages/people.ts';
import { RelayPage } from './pages/relay.ts';
import { SessionDetail } from './pages/sessions/session-detail.ts';
import { SessionsPage } from './pages/sessions/sessions.ts';
import { TimelineView } from './pages/sessions/timeline-view.ts';
import { Revocations } from './pages/sessions/revocations.ts';
import { UserActions } from './pages/sessions/user-actions.ts';
import { SettingsPage } from './pages/settings.ts';
import { SignIn } from './pages/sign-in.ts';
import { TenantsPage } from './pages/tenants.ts';
import { LimitsForm } from './pages/usage/limits.ts';
import { UsagePage } from './pages/usage/usage.ts';
import { WebhooksPage } from './pages/webhooks.ts';
import { Chart } from './parts/chart.ts';
import { Copy } from './parts/copy.ts';
import { Dialog } from './parts/dialog.ts';
import { Rail } from './rail.ts';

const ELEMENTS: Record<string, CustomElementConstructor> = {
  'vjj-chart': Chart,
  'vjj-copy': Copy,
  'vjj-dialog': Dialog,
  'vjj-limits': LimitsForm,
  'vjj-rail': Rail,
  'vjj-revocations': Revocations,
  'vjj-settings-page': SettingsPage,
  'vjj-user-actions': UserActions,
  'vjj-relay-page': RelayPage,
  'vjj-session': SessionDetail,
  'vjj-sessions-page': SessionsPage,
  'vjj-timeline': TimelineView,
  'vjj-sign-in': SignIn,
  'vjj-account-page': AccountPage,
  'vjj-assistant-page': AssistantPage,
  'vjj-test-call': TestCall,
  'vjj-voice-preview': VoicePreview,
  'vjj-audit-page': AuditPage,
  'vjj-api-keys': ApiKeys,
  'vjj-keys-page': KeysPage,
  'vjj-signing-keys': SigningKeys,
  'vjj-operations-page': OperationsPage,
  'vjj-origins-page': OriginsPage,
  'vjj-overview-page': OverviewPage,
  'vjj-people-page': PeoplePage,
  'vjj-tenants-page': TenantsPage,
  'vjj-usage-page': UsagePage,
  'vjj-webhooks-page': WebhooksPage,
  'vjj-console': Console,
};
for (const [name, element] of Object.entries(ELEMENTS)) customElements.define(name, element);
