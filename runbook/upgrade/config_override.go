package upgrade

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// PackageOverrides replace entries of the configuration's package for one run; what is empty stays.
type PackageOverrides struct{ File, SHA256, Version, Build string }

// Override applies o and reports all of its faults together; with a fault nothing is changed. A path
// is relative to the working folder, unlike those in the file.
func (c *Config) Override(o PackageOverrides) error {
	p := c.Package
	p.SHA256, p.Version, p.Build = cmp.Or(o.SHA256, p.SHA256), cmp.Or(o.Version, p.Version), cmp.Or(o.Build, p.Build)
	var faults []error
	if o.File != "" {
		abs, err := filepath.Abs(o.File)
		if err == nil {
			_, err = os.Stat(abs)
		}
		p.File, faults = abs, append(faults, err)
	}
	if _, err := hex.DecodeString(p.SHA256); err != nil || len(p.SHA256) != 64 {
		faults = append(faults, fmt.Errorf("-sha256: %q is not 64 hexadecimal digits", p.SHA256))
	}
	if _, err := policy.ParseVersion(p.Version); err != nil {
		faults = append(faults, fmt.Errorf("-version: %w", err))
	}
	build, err := policy.ParseBuild(p.Build)
	if err != nil {
		faults = append(faults, fmt.Errorf("-build: %w", err))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	p.Build = build
	c.Package = p
	return nil
}
