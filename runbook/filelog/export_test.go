package filelog

import "os"

// SyncWith replaces how l makes files and folders durable.
func SyncWith(l *Log, sync func(*os.File) error) { l.sync = sync }

// WriteWith replaces how l writes into files.
func WriteWith(l *Log, writeAt func(*os.File, []byte, int64) (int, error)) { l.writeAt = writeAt }
