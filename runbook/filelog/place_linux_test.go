package filelog

import "testing"

func TestNetworkKinds(t *testing.T) {
	for magic, want := range map[int64]string{0x6969: "NFS", 0xFF534D42: "CIFS", 0xFE534D42: "SMB", 0xEF53: "", 0x01021994: ""} {
		if got := networkKind(magic); got != want {
			t.Errorf("%#x: %q, want %q", magic, got, want)
		}
	}
	if got := networkDrive(t.TempDir()); got != "" {
		t.Errorf("a temporary folder counts as %s", got)
	}
}
