package filelog

import "golang.org/x/sys/unix"

const stateFolder = ".local/state"

// networkDrive names the kind of network file system that path lies on, or "".
func networkDrive(path string) string {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return ""
	}
	return networkKind(int64(s.Type))
}

// networkKind knows the magic numbers of statfs(2).
func networkKind(magic int64) string {
	return map[uint32]string{unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS", unix.SMB2_SUPER_MAGIC: "SMB",
		unix.AFS_SUPER_MAGIC: "AFS", unix.CODA_SUPER_MAGIC: "Coda", unix.NCP_SUPER_MAGIC: "NCP", unix.V9FS_MAGIC: "9P", unix.CEPH_SUPER_MAGIC: "Ceph"}[uint32(magic)]
}
