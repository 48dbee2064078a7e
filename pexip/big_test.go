//go:build !race

package pexip_test

import (
	"flag"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

var mib = flag.Int64("mib", 512, "how large the package is that is sent at once, in MiB; .ci/run sends 4096")

// zeros are the checksums of so many MiB.
var zeros = map[int64]string{
	512:  "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767",
	4096: "8479e43911dc45e89f934fe48d01297e16f51d17aa561d4d1c216b1ae0fcddca",
}

// A package many times as large goes through 32 MiB of memory, hashed on the way, with its exact length
// told beforehand. (The file is sparse, and the sink throws the bytes away: what takes time is SHA-256.
// With the race detector it would take minutes.)
func TestLargePackageInLittleMemory(t *testing.T) {
	inLittleMemory(t, *mib, func(c *pexip.Client, p pexip.Package) (pexip.Uploaded, error) {
		return c.UploadAndStart(t.Context(), p, nil)
	})
}

// The same in chunks, of which 32 show as much as 256 would.
func TestChunksInLittleMemory(t *testing.T) {
	inLittleMemory(t, 512, func(c *pexip.Client, p pexip.Package) (pexip.Uploaded, error) {
		return c.Upload(t.Context(), "id", p, nil)
	})
}

func inLittleMemory(t *testing.T, mib int64, send func(*pexip.Client, pexip.Package) (pexip.Uploaded, error)) {
	const limit = 32 << 20
	size, sum := mib<<20, zeros[mib]
	if size < 16*limit || sum == "" {
		t.Fatalf("%d MiB show nothing, or their checksum is not known here", mib)
	}
	p := hole(t, size)
	p.SHA256 = sum
	s := newSink(t, false, 0)
	c := s.client(t, nil)
	peak := watchMemory(limit)
	began := time.Now()
	done, err := send(c, p)
	took, most := time.Since(began), peak()
	ok(t, err)
	t.Logf("%.1f s, heap at most %.1f MiB", took.Seconds(), float64(most)/(1<<20))
	if most > limit {
		t.Errorf("the heap grew to %d bytes", most)
	}
	if s.chunked || s.declared != s.received || s.received < size || s.received > size+1000 || done.Bytes != size || done.SHA256 != sum {
		t.Errorf("declared %d, received %d, without length %v: %+v", s.declared, s.received, s.chunked, done)
	}
}

// watchMemory samples the heap, free parts of it included that the system has not got back, until
// the function it returns is called, which gives the largest value.
func watchMemory(limit int64) (peak func() uint64) {
	runtime.GC()
	debug.FreeOSMemory()
	before := debug.SetMemoryLimit(limit)
	var most uint64
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			most = max(most, heap())
			select {
			case <-time.After(10 * time.Millisecond):
			case <-stop:
				return
			}
		}
	})
	return func() uint64 {
		close(stop)
		done.Wait()
		debug.SetMemoryLimit(before)
		return most
	}
}

// heap is HeapSys less HeapReleased, without stopping the program.
func heap() uint64 {
	var sum uint64
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}
