//go:build !race

package upgrade_test

const manyNodes = 40
