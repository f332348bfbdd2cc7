# SPDX-License-Identifier: GPL-2.0
# Draws clustered bars of a table, as SVG and PNG: gnuplot -e "data='FILE';out='NAME';what='TITLE'".
# The first row of the table names the contestants, the first column the cells.

set datafile separator tab
set style data histograms
set style histogram clustered gap 2
set style fill solid 0.9 border -1
set boxwidth 0.9
set title what
set ylabel "instructions per I/O"
set format y "%.0f"
set yrange [0:*]
set grid ytics
set key outside right top reverse Left noenhanced
set bmargin 5
set xtics nomirror
columns = int(system("awk -F'\t' 'NR == 1 { print NF }' ".data))

do for [kind in "svg png"] {
	if (kind eq "svg") {
		set terminal svg size 1200,500 font "sans,11" background rgb "white"
	} else {
		set terminal pngcairo size 1200,500 font "sans,10"
	}
	set output out.".".kind
	plot for [i = 2:columns] data using i:xtic(1) title columnheader(i)
}
