/** The version of this build, put in by the bundler; sources that run as they are have none. */
declare const __VJJ_VERSION__: string | undefined;

export const VERSION: string = typeof __VJJ_VERSION__ === 'string' ? __VJJ_VERSION__ : '0.0.0-source';
