package filelog

import "os"

// SyncWith replaces how l makes files and folders durable.
func SyncWith(l *Log, sync func(*os.File) error) { l.sync = sync }
