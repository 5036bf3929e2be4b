/**
 * In place of signal-exit, by which proper-lockfile would remove its locks when a signal ends the
 * process. Its handlers run between events, and a plugin has none: they would only keep SIGTERM
 * from ending it. A lock that a killed process leaves goes stale.
 */
module.exports = () => () => undefined
