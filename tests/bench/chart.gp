# SPDX-License-Identifier: GPL-2.0
# Draws clustered horizontal bars, as SVG and PNG:
#   gnuplot -e "data='FILE'; out='NAME'; what='TITLE'; rows=HEIGHT; most=FIGURE; contestants=NUMBER"
# The data has two parts for gnuplot's `index`: the cells, each with the height of its middle, and then
# a part for each contestant: its name, and a line with height and figure for each of its bars.

set datafile separator tab
set style fill solid 0.9 border -1
set title what
set xlabel "instructions per I/O: less is better"
set format x "%.0f"
set grid xtics
set yrange [rows:0]
set ytics nomirror
set tics scale 0
set border 3
set key outside bottom center horizontal noenhanced
set bmargin 6
HALF = 0.42
# The longest bar leaves room for its digits.
set xrange [0:1.1 * most]

do for [kind in "svg png"] {
	if (kind eq "svg") {
		set terminal svg size 800,(140 + 17 * rows) font "sans,11" background rgb "white"
	} else {
		set terminal pngcairo size 800,(140 + 17 * rows) font "sans,10"
	}
	set output out.".".kind
	plot data index 0 using (NaN):2:ytic(1) notitle, \
		for [i = 1:contestants] data index i using (0):1:(0):2:($1 - HALF):($1 + HALF) \
			with boxxyerror title columnheader(1), \
		for [i = 1:contestants] data index i using 2:1:(sprintf("%.0f", $2)) \
			with labels left offset 0.4, 0 font ",8" notitle
}
