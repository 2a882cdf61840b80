// The sealed trampoline (../trampoline.ts), as x64.S.
        .equ DATA, 0x500400
        .globl _start
_start: movz    x19, #(DATA >> 16), lsl #16
        movk    x19, #(DATA & 0xffff)
        add     x20, sp, #8            // argv
        ldr     x0, [x20]
        ldr     x0, [x0]
        ldr     x1, [x19]              // the mark
        cmp     x0, x1
        b.ne    astray
        ldr     x0, [sp]               // argc
        add     x21, x20, x0, lsl #3
        add     x21, x21, #8           // envp
        ldr     w0, [x19, #8]          // fcntl(fd, F_SETFD, FD_CLOEXEC)
        mov     x1, #2
        mov     x2, #1
        mov     x8, #25
        svc     #0
        ldr     x0, [x20, #8]          // execve(argv[1], argv + 2, envp)
        add     x1, x20, #16
        mov     x2, x21
        mov     x8, #221
        svc     #0
        neg     w22, w0
        ldr     w0, [x19, #12]
        cmp     w22, w0                // ENOEXEC, if the shell may have it then
        b.ne    failed
        ldr     x0, [x20, #8]
        str     x0, [x20, #16]
        ldr     x0, [x19, #16]         // "/bin/sh"
        str     x0, [x20, #8]
        add     x1, x20, #8
        mov     x2, x21
        svc     #0
failed: add     x23, x19, #40          // what is to be said of this errno; the last entry, of errno 0, is for all others
entry:  ldr     w0, [x23]
        cbz     w0, found
        cmp     w0, w22
        b.eq    found
        add     x23, x23, #56
        b       entry
found:  ldp     x3, x4, [x23, #40]     // where both texts want the errno, in three digits
        mov     x5, #2
        mov     w6, #10
digit:  udiv    w7, w22, w6
        msub    w9, w7, w6, w22
        add     w9, w9, #48
        strb    w9, [x3, x5]
        strb    w9, [x4, x5]
        mov     w22, w7
        subs    x5, x5, #1
        b.pl    digit
        ldr     w0, [x19, #8]          // write(the pipe, word, length)
        ldp     x1, x2, [x23, #24]
        mov     x8, #64
        svc     #0
        ldp     x1, x2, [x23, #8]
        ldr     w24, [x23, #4]         // the exit status
tell:   mov     x0, #2                 // write(2, text, length)
        mov     x8, #64
        svc     #0
        mov     x0, x24
        mov     x8, #94                // exit_group
        svc     #0
astray: ldp     x1, x2, [x19, #24]
        mov     x24, #126
        b       tell
