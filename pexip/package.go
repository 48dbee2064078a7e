package pexip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// Package is an upgrade package.
type Package struct {
	// Name is the file's name, sent along where the wire format has a place for it.
	Name string
	// Size is in bytes.
	Size int64
	// SHA256 is the expected sum in hex, as Pexip publishes it; upper case is accepted.
	SHA256 string
	// Content must give the same bytes whenever it is read.
	Content io.ReaderAt
}

func (p Package) check() (Package, error) {
	var faults []error
	sum, err := checkSHA256(p.SHA256)
	if err != nil {
		faults = append(faults, fmt.Errorf("expected checksum: %w", err))
	}
	if p.Size <= 0 {
		faults = append(faults, fmt.Errorf("size: %d bytes", p.Size))
	}
	if p.Content == nil {
		faults = append(faults, errors.New("content: missing"))
	}
	p.SHA256 = sum
	p.Name = filepath.Base(p.Name)
	if p.Name == "." || p.Name == string(filepath.Separator) {
		p.Name = "package.tar"
	}
	if err := errors.Join(faults...); err != nil {
		return p, fmt.Errorf("package %s: %w", p.Name, err)
	}
	return p, nil
}

// PackageFile is a Package read from an open file.
type PackageFile struct {
	Package
	file *os.File
}

// OpenPackage opens the package at path. sha256 is the sum that Pexip publishes beside the
// download. Nothing is read yet: call Verify, and Close at the end.
func OpenPackage(path, sha256 string) (*PackageFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the upgrade package: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	var p Package
	if err == nil {
		p, err = Package{Name: path, Size: info.Size(), SHA256: sha256, Content: f}.check()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open the upgrade package: %w", err)
	}
	return &PackageFile{p, f}, nil
}

// Close closes the file.
func (p *PackageFile) Close() error { return p.file.Close() }

// Verify reads the whole file and compares its SHA-256 with the expected one; a difference, or a
// file that changed its size since it was opened, matches ErrChecksum. progress may be nil.
func (p *PackageFile) Verify(ctx context.Context, progress func(Progress)) error {
	sum, err := p.Sum(ctx, progress)
	if err != nil {
		return err
	}
	return p.compare(sum)
}

// Sum reads the whole file and returns its SHA-256 in hex, whatever was expected. A file that changed
// its size since it was opened matches ErrChecksum. progress may be nil.
func (p *PackageFile) Sum(ctx context.Context, progress func(Progress)) (string, error) {
	sum := newDigest()
	if err := newPieces(p.Package).absorb(ctx, sum, 0, p.Size, newMeter(p.Size, progress)); err != nil {
		return "", fmt.Errorf("verify the upgrade package: %w", err)
	}
	info, err := p.file.Stat()
	if err != nil {
		return "", fmt.Errorf("verify the upgrade package: %w", err)
	}
	if info.Size() != p.Size {
		return "", fmt.Errorf("verify the upgrade package: %s changed from %d to %d bytes while open: %w", p.Name, p.Size, info.Size(), ErrChecksum)
	}
	return sum.sum(), nil
}

func (p Package) compare(got string) error {
	if got != p.SHA256 {
		return fmt.Errorf("%s has SHA-256 %s, expected is %s: %w; download it again, do not use it", p.Name, got, p.SHA256, ErrChecksum)
	}
	return nil
}

var packageName = regexp.MustCompile(`^Pexip_Infinity_v(\d+(?:\.\d+)*)_UPGRADE_(\d+)(?:\.\d+)*\.tar$`)

// ParsePackageName reads version and build from a package's file name or path, for example
// Pexip_Infinity_v39.1_UPGRADE_83067.tar. The pattern is taken from a single old example
// (unverified for current downloads): a hint to warn by, no proof of what is inside.
func ParsePackageName(name string) (version, build string, ok bool) {
	m := packageName.FindStringSubmatch(filepath.Base(name))
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}
