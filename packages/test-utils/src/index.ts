/** Real servers, databases and comparisons for tests of rserv and of its trigger backends. */
export type { Difference } from './compare.ts'
export { compareTable, tableText } from './compare.ts'
export type { DatabaseOptions, TestDatabase } from './databases.ts'
export { createDatabase, createRole, onServer, sharedServer, uriOf } from './databases.ts'
export type { CliOptions, CliRun } from './run-cli.ts'
export { runCli } from './run-cli.ts'
export type { TestServer } from './server.ts'
export { serverOfMajor, TEST_SETTINGS, testMajor, testServers } from './server.ts'
