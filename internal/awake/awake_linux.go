package awake

// keep takes logind's block inhibitor locks (systemd-inhibit(1)).
func keep(reason string) (func(), string, error) {
	release, err := hold("systemd-inhibit", "--what=idle:sleep:handle-lid-switch", "--mode=block", "--who=pexip-upgrade", "--why="+reason,
		"sh", "-c", "echo held; exec cat >/dev/null")
	return release, "kept awake by a logind inhibitor", err
}
