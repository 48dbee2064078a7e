//go:build race

package upgrade_test

// manyNodes is fewer with the race detector: reading the state of 40 nodes takes ten times as long with it.
const manyNodes = 12
