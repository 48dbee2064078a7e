package awake

// keep holds a power assertion (caffeinate(8)).
func keep(string) (func(), string, error) {
	release, err := hold("caffeinate", "-i", "-s", "sh", "-c", "echo held; exec cat >/dev/null")
	return release, "kept awake by a caffeinate assertion", err
}
