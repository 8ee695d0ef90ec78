/** What is put into a new configuration. */
export interface Template {
  /** Relative path or file: URL, for editors. */
  readonly schema: string
  readonly master: DatabaseEntry
  readonly slave: DatabaseEntry
  /** Lines for people about the state of the two databases: what is missing, what to do. */
  readonly notes: readonly string[]
}

interface DatabaseEntry {
  readonly name: string
  /** libpq string without a password. */
  readonly database: string
}

/** The text of a configuration file for one master and one slave, with everything else as comments. */
export function configText({ schema, master, slave, notes }: Template): string {
  return `# yaml-language-server: $schema=${schema}
# What rserv run keeps up: rserv run --config THIS-FILE. After a change: kill -HUP PID, or systemctl reload rserv.
#
# Passwords are not written here: put them into ~/.pgpass (or the file that PGPASSFILE names), one line each:
#   host:port:database:user:password
${notes.map((note) => `#\n# ${note.replaceAll('\n', '\n# ')}\n`).join('')}
masters:
  - name: ${scalar(master.name)}
    database: ${scalar(master.database)}

    # Log rows that every slave has are removed.
    clean:
      every: 60s
      keep: 0s # longer: slaves restored from a backup of that age can go on from there

    # What the log is not to pass, while a slave is down. warn: it is told. detach: the log is kept for the slowest slave
    # no longer, rather than fill the master's disk; that slave must then be copied anew (rserv resync).
    # logLimit:
    #   size: 20GB
    #   over: warn

    slaves:
      - name: ${scalar(slave.name)}
        database: ${scalar(slave.database)}
        # paused: true
        # copy:
        #   jobs: 4 # large new tables at once
        # throttle: # each transfer is still one transaction; these are averages
        #   rows: 5000 # a second
        #   bytes: 2MB # a second
        #   pause: 1s # between two transfers
        # pace: # how often to look and to try
        #   idle: 500ms
        #   busy: 300ms
        #   retry: 30s
        #   parked: 60s

# Metrics for Prometheus, health and the state. Any but a loopback address needs a token.
# http:
#   listen: 127.0.0.1:8432
#   tokenFile: /etc/rserv/token

# log:
#   level: info # debug, info, warn, error
#   format: text # json
`
}

/** A YAML scalar that is a string, whatever it looks like. */
function scalar(text: string): string {
  return JSON.stringify(text)
}
