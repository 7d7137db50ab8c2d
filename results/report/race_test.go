//go:build race

package report_test

// raceDetector makes pictures take ten times as long.
const raceDetector = true
