/** The console's script: names its elements. */
import { Console } from './app.ts';

customElements.define('vjj-console', Console);
