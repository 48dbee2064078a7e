package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

// Backup makes Pexip's own backup and, if wanted, recovery points of the VMs (SNAP-1, SNAP-4).
var Backup = Program{
	Name: "backup",
	Does: "fetch Pexip's own backup into a file; with -vms also make a recovery point of each VM, and verify them",
	Example: "backup -config upgrade.yaml -environment test -dir backups\n" +
		"backup -config upgrade.yaml -vms            # the VMs must be off\n" +
		"backup -config upgrade.yaml -vms -running   # or may run",
	Setup: setupBackup,
}

func setupBackup(f *flag.FlagSet) func(context.Context, *App) error {
	dir := f.String("dir", ".", "the folder for the file; an existing file is not overwritten")
	vms := f.Bool("vms", false, "make recovery points of the VMs instead, in the vault")
	running := f.Bool("running", false, "with -vms: also of VMs that are not off, which the written process does not do (SNAP-1)")
	return func(ctx context.Context, a *App) error {
		if *vms {
			return a.backupVMs(ctx, *running)
		}
		return a.backupPexip(ctx, *dir)
	}
}

// fetched is Pexip's own backup.
type fetched struct {
	File    string `json:"file"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	Version string `json:"version"`
}

func (a *App) backupPexip(ctx context.Context, dir string) error {
	b, err := a.node().CreateBackup(ctx, a.Secrets.BackupPassphrase)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.Base(b.Filename))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := download(func(w io.Writer) error { return a.node().DownloadBackup(ctx, b, w) }, file); err != nil {
		return err
	}
	r := fetched{File: path, SHA256: b.SHA256, Size: b.Size, Version: b.Version}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %d bytes, SHA-256 %s, of version %s\n", r.File, r.Size, r.SHA256, r.Version)
	})
}

// download fills the file, and removes it if it is not whole.
func download(fetch func(io.Writer) error, file *os.File) error {
	err := fetch(file)
	if err == nil {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// point is a recovery point that was made.
type point struct {
	VM      string    `json:"vm"`
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	Expiry  time.Time `json:"expiry"`
	Disks   int       `json:"disks"`
	Running bool      `json:"running,omitempty"`
}

// backupVMs requests all backups, then waits for each.
func (a *App) backupVMs(ctx context.Context, running bool) error {
	power := map[string]azurevm.PowerState{}
	for _, vm := range a.vms() {
		p, err := a.Azure.Power(ctx, vm)
		if err != nil {
			return err
		}
		if power[vm.Name] = p; p != azurevm.Deallocated && !running {
			return askFirst("%s is %s; the written process backs VMs up while they are off (SNAP-1): stop it, or say -running. Nothing was requested", vm, p)
		}
	}
	jobs, err := a.requestBackups(ctx)
	if err != nil {
		return err
	}
	var points []point
	for _, job := range jobs {
		p, err := a.recoveryPoint(ctx, job)
		if err != nil {
			return err
		}
		p.Running = power[p.VM] != azurevm.Deallocated
		points = append(points, p)
	}
	return a.print(points, func(w io.Writer) {
		for _, p := range points {
			fmt.Fprintf(w, "%s: %s of %s, %d disk(s), kept until %s\n", p.VM, p.Type, p.Time.Format(time.RFC3339), p.Disks, p.Expiry.Format(time.DateOnly))
		}
	})
}

// backupJob is a backup under way, and the newest point that there was before.
type backupJob struct {
	vm     azurevm.VM
	id     string
	before string
}

// requestBackups requests a backup of each VM, so that they are made side by side.
func (a *App) requestBackups(ctx context.Context) (jobs []backupJob, err error) {
	until := time.Now().UTC().AddDate(0, 0, a.Config.Snapshot.RetentionDays)
	for _, vm := range a.vms() {
		old, err := a.Azure.RecoveryPoints(ctx, a.vault(), vm, time.Time{})
		if err != nil {
			return nil, err
		}
		j := backupJob{vm: vm}
		if len(old) > 0 {
			j.before = old[0].Name
		}
		if j.id, err = a.Azure.StartBackup(ctx, a.vault(), vm, until); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
		fmt.Fprintf(a.Err, "%s: job %s\n", vm.Name, j.id)
	}
	return jobs, nil
}

func (a *App) vault() azurevm.Vault {
	return azurevm.Vault{ResourceGroup: a.Environment.Vault.ResourceGroup, Name: a.Environment.Vault.Name}
}

// recoveryPoint waits for a job's snapshot and looks at what it made.
func (a *App) recoveryPoint(ctx context.Context, j backupJob) (point, error) {
	if _, err := a.Azure.WaitSnapshot(ctx, a.vault(), j.id, nil); err != nil {
		return point{}, err
	}
	points, err := a.Azure.RecoveryPoints(ctx, a.vault(), j.vm, time.Time{})
	if err != nil {
		return point{}, err
	}
	if len(points) == 0 || points[0].Name == j.before || !points[0].Restorable() || points[0].Disks >= 0 && points[0].Disks < points[0].Attached {
		return point{}, fmt.Errorf("%s: job %s ended, but the vault shows no new recovery point with all disks: look at the vault", j.vm, j.id)
	}
	p := points[0]
	return point{VM: j.vm.Name, Name: p.Name, Type: p.Type, Time: p.Time, Expiry: p.Expiry, Disks: p.Disks}, nil
}
