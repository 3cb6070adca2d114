/** `?worklet`: a file bundled and minified, as a string (scripts/worklet-plugin.mjs). */
declare module '*?worklet' {
  const code: string;
  export default code;
}
