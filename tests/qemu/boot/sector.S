/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk that tells on the serial line that it was booted from: a boot sector, and a loader of seven
 * sectors behind it. The loader reads, adds up and writes sectors by the firmware, as GRUB does.
 *
 * READS and WRITES are the first sectors of what it reads (64) and writes (2).
 */

	.code16
	.globl	_start
_start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	ljmp	$0, $begin
begin:
	movb	%dl, drive
	movw	$sector_runs, %si
	call	say
	movw	$rest, %si
	movb	$0x42, %ah
	call	disk
	jmp	loader

/* A request of the firmware (AH) with the packet at SI. */
disk:
	movb	drive, %dl
	int	$0x13
	jc	failed
	ret
failed:
	movb	%ah, %al
	xorb	%ah, %ah
	movw	$failure, %si
	call	say_number
stop:
	hlt
	jmp	stop

say:
	lodsb
	testb	%al, %al
	jz	1f
	call	put
	jmp	say
1:	ret

/* The text at SI, EAX in hexadecimal digits, and the end of the line. */
say_number:
	pushl	%eax
	call	say
	popl	%ebx
	movw	$8, %cx
2:	roll	$4, %ebx
	movb	%bl, %al
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	3f
	addb	$'a' - '9' - 1, %al
3:	call	put
	loop	2b
	movw	$line_end, %si
	jmp	say

put:
	movb	%al, %ah
	movw	$0x3fd, %dx
4:	inb	%dx, %al
	testb	$0x20, %al
	jz	4b
	movb	%ah, %al
	movw	$0x3f8, %dx
	outb	%al, %dx
	ret

drive:	.byte	0
sector_runs:
	.asciz	"boot sector: runs\r\n"
failure:
	.asciz	"boot: the firmware fails with "
line_end:
	.asciz	"\r\n"
	.align	4
rest:	.byte	16, 0
	.word	7, loader, 0
	.quad	1

	.org	510
	.word	0xaa55

loader:
	movw	$size, %si
	movb	$0x48, %ah
	call	disk
	movl	size + 16, %eax
	movw	$has, %si
	call	say_number

	movw	$reads, %si
	movb	$0x42, %ah
	call	disk
	movw	$0x1000, %ax
	movw	%ax, %ds
	xorw	%si, %si
	xorl	%ebx, %ebx
	movw	$64 * 512 / 4, %cx
5:	lodsl
	addl	%eax, %ebx
	loop	5b
	xorw	%ax, %ax
	movw	%ax, %ds
	movl	%ebx, %eax
	movw	$sum, %si
	call	say_number

	movw	$writes, %si
	movw	$0x4300, %ax
	call	disk
	movw	$done, %si
	call	say
	jmp	stop

has:	.asciz	"loader: sectors "
sum:	.asciz	"loader: sum "
done:	.asciz	"loader: done\r\n"
	.align	4
size:	.word	26
	.fill	24
reads:	.byte	16, 0
	.word	64, 0, 0x1000
	.quad	READS
writes:	.byte	16, 0
	.word	2, message, 0
	.quad	WRITES
message:
	.ascii	"written by the loader"
	.org	4096
