package pexiptest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

const (
	headerSize  = 512
	packageMark = "pexiptest upgrade package"
)

// WritePackage writes a made-up upgrade package of size bytes (512 at least) that the double takes
// for version, for example "39.1", and build, for example "83067" (reported as 83067.0.0). The
// bytes depend on the arguments only. It returns their SHA-256 in hex.
func WritePackage(w io.Writer, size int64, version, build string) (sha256Hex string, err error) {
	if size < headerSize {
		return "", fmt.Errorf("a package needs at least %d bytes, not %d", headerSize, size)
	}
	header := fmt.Sprintf("%s\nversion: %s\nbuild: %s\n", packageMark, version, build)
	if len(header) > headerSize || strings.ContainsAny(version+build, "\r\n") {
		return "", fmt.Errorf("version %q or build %q does not fit the header", version, build)
	}
	block := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(header))).Read(block) // never fails
	copy(block, header+strings.Repeat("\n", headerSize-len(header)))
	sum := sha256.New()
	for n, left := uint64(0), size; left > 0; n++ {
		if n > 0 { // no two blocks alike, at a fraction of the cost of fresh noise
			binary.BigEndian.PutUint64(block, n)
		}
		part := block[:min(left, int64(len(block)))]
		sum.Write(part)
		if _, err := w.Write(part); err != nil {
			return "", fmt.Errorf("write a package: %w", err)
		}
		left -= int64(len(part))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// PackageName is the file name that Pexip would give a package.
func PackageName(version, build string) string {
	return fmt.Sprintf("Pexip_Infinity_v%s_UPGRADE_%s.tar", version, build)
}

// WritePackage writes a package of the version in Options.NextVersion and returns its usual file
// name as well.
func (s *Server) WritePackage(w io.Writer, size int64) (name, sha256Hex string, err error) {
	v := info(s.opt.NextVersion)
	build, _, _ := strings.Cut(v.PseudoVersion, ".")
	sum, err := WritePackage(w, size, v.Version, build)
	return PackageName(v.Version, build), sum, err
}

// contained reads the version from the first bytes of a package.
func contained(header []byte) (pexip.VersionInfo, error) {
	lines := bufio.NewScanner(bytes.NewReader(header))
	if !lines.Scan() || lines.Text() != packageMark {
		return pexip.VersionInfo{}, fmt.Errorf("this is not an upgrade package")
	}
	found := map[string]string{}
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ": "); ok {
			found[key] = value
		}
	}
	if found["version"] == "" || found["build"] == "" {
		return pexip.VersionInfo{}, fmt.Errorf("the upgrade package names no version")
	}
	return numbered(found["version"], found["build"]+".0.0"), nil
}
