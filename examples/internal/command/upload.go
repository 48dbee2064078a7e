package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Upload sends the configured upgrade package to a Management Node. Nothing is installed by it.
var Upload = Program{
	Name: "upload",
	Does: "send the upgrade package to the Management Node, in chunks; nothing is installed by it",
	Example: "upload -config upgrade.yaml -environment test\n" +
		"upload -config upgrade.yaml -resume 7      # goes on where the node is\n" +
		"upload -config upgrade.yaml -discard 7     # removes an upload from the node",
	Setup: setupUpload,
}

func setupUpload(f *flag.FlagSet) func(context.Context, *App) error {
	resume := f.String("resume", "", "the id of an upload that was interrupted")
	discard := f.String("discard", "", "the id of an upload to remove from the node; nothing is sent then")
	return func(ctx context.Context, a *App) error {
		if *discard != "" {
			return a.discard(ctx, *discard)
		}
		if a.Config.Upload.Method != upgrade.UploadResumable {
			return wrongInput("upload.method is %s; only resumable can be done without starting the upgrade", a.Config.Upload.Method)
		}
		return a.upload(ctx, *resume)
	}
}

func (a *App) discard(ctx context.Context, id string) error {
	if err := a.node().CancelUpgradeRequest(ctx, id); err != nil {
		return err
	}
	return a.print(map[string]string{"id": id, "state": "discarded"}, func(w io.Writer) { fmt.Fprintf(w, "upload %s was removed\n", id) })
}

// node is the Management Node of the environment.
func (a *App) node() *pexip.Client {
	if a.production() {
		return a.Production
	}
	return a.Test
}

// uploaded is the result.
type uploaded struct {
	ID      string `json:"id"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Resumed int64  `json:"resumed"`
}

// upload checks the file against the published checksum before anything is sent (POL-5a).
func (a *App) upload(ctx context.Context, id string) error {
	file, err := pexip.OpenPackage(a.Config.Package.File, a.Config.Package.SHA256)
	if err != nil {
		return failure{ExitInput, err}
	}
	defer file.Close()
	progress := a.progress()
	if err := file.Verify(ctx, progress); err != nil {
		return failure{ExitInput, err}
	}
	if id == "" {
		if id, err = a.announce(ctx, file.Size); err != nil {
			return err
		}
		fmt.Fprintf(a.Err, "upload %s; if it is interrupted: -resume %s\n", id, id)
	}
	sent, err := a.node().Upload(ctx, id, file.Package, progress)
	if err != nil {
		return fmt.Errorf("%w; nothing is installed, go on with -resume %s", err, id)
	}
	r := uploaded{ID: id, SHA256: sent.SHA256, Bytes: sent.Bytes, Resumed: sent.Resumed}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "upload %s is complete: %d bytes sent, %d were there, SHA-256 %s as published; nothing is installed\n", r.ID, r.Bytes, r.Resumed, r.SHA256)
	})
}

// announce makes the upload on the node. One that is there already may be somebody else's.
func (a *App) announce(ctx context.Context, size int64) (string, error) {
	r, err := a.node().CreateUpgradeRequest(ctx, size)
	if errors.Is(err, pexip.ErrForeignUpgradeRequest) {
		return "", askFirst("%w; if it is yours: -resume ID, or -discard ID", err)
	}
	return r.ID, err
}

// progressEvery is how often progress is shown.
const progressEvery = time.Second

func (a *App) progress() func(pexip.Progress) {
	var last time.Time
	var phase pexip.Phase
	return func(p pexip.Progress) {
		if p.Phase == phase && time.Since(last) < progressEvery {
			return
		}
		last, phase = time.Now(), p.Phase
		fmt.Fprintf(a.Err, "%s: %d of %d bytes", p.Phase, p.Done, p.Total)
		if p.Rate > 0 {
			fmt.Fprintf(a.Err, ", %.1f MB/s, %s left", p.Rate/1e6, p.ETA.Round(time.Second))
		}
		fmt.Fprintln(a.Err)
	}
}
