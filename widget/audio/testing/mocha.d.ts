/** The test runner's words in browser tests (web-test-runner brings mocha without its types). */
declare function describe(what: string, body: () => void): void;
declare function it(what: string, body: () => void | Promise<void>): void;
declare function beforeEach(body: () => void | Promise<void>): void;
declare function afterEach(body: () => void | Promise<void>): void;
