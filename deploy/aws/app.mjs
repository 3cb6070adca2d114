/**
 * Synthesises the stack: `npm run synth` writes a CloudFormation template to cdk.out/, which any
 * deployment tool takes. Settings come as context: `node app.mjs domain=voice.example.com …`.
 */
import { App } from 'aws-cdk-lib';
import { readSettings } from './settings.mjs';
import { VoiceJibJabStack } from './stack.mjs';

const given = Object.fromEntries(process.argv.slice(2).map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
const app = new App({ outdir: 'cdk.out' });
const settings = readSettings({ ...process.env, ...given });
new VoiceJibJabStack(app, 'VoiceJibJab', settings, { env: { region: settings.region } });
app.synth();
console.log('wrote cdk.out/VoiceJibJab.template.json');
