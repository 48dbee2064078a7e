// Package azurevmtest is a stand-in for the part of Azure that package azurevm uses: virtual
// machines with their power, network interfaces and disks, a Recovery Services vault with its jobs
// and recovery points, role permissions and locks. It speaks Azure Resource Manager's wire format,
// so that any client of it can be tried.
//
//	srv := azurevmtest.NewServer(azurevmtest.Options{})
//	if err := srv.Start(); err != nil { … }  // or use it in process, without a socket
//	defer srv.Close()
//	client, err := azurevm.New(srv.Config())
//
// A Server remembers. A deallocation takes two minutes and can be watched through
// Azure-AsyncOperation and Location links; a backup becomes a job with two tasks, whose recovery
// point is listed as soon as the snapshot is taken and says whether the VM was off meanwhile.
// Options.Speed makes all of that faster than the real world, by default 60,000 times; a test
// may set its own clock with Options.Now instead. State changes by the clock when it is looked
// at; there is nothing running in the background.
//
// What goes wrong can be arranged: any request with Inject and SetDown, a start without capacity
// with FailNextStart, a failing job with FailNextJob, roles and locks with Options, somebody
// else's switching with SetPower.
//
// # Differences from the real service
//
// Operations on one VM preempt each other in the order of arrival. The names of tasks of a
// restore, the status with which a second backup is refused (409), and that a restore of a VM
// that is not deallocated fails, are guesses; Microsoft does not document them.
package azurevmtest
