# The sealed trampoline (../trampoline.ts): execve(argv[1], argv + 2, envp), and a word on standard error and to the pipe if that fails.
        .equ DATA, 0x500400            # the image's second mapping, which can be written to
        .globl _start
_start: mov     $DATA, %ebx
        lea     8(%rsp), %rbp          # argv
        mov     (%rbp), %rax
        mov     (%rbx), %rdx           # the mark: without it in argv[0] a link of /proc has led back to us
        cmp     (%rax), %rdx
        jne     astray
        mov     (%rsp), %rax           # argc
        lea     16(%rsp,%rax,8), %r12  # envp
        mov     8(%rbx), %edi          # the pipe: fcntl(fd, F_SETFD, FD_CLOEXEC)
        mov     $2, %esi
        mov     $1, %edx
        mov     $72, %eax
        syscall
        mov     8(%rbp), %rdi          # execve(argv[1], argv + 2, envp)
        lea     16(%rbp), %rsi
        mov     %r12, %rdx
        mov     $59, %eax
        syscall
        neg     %eax
        cmp     12(%rbx), %eax         # ENOEXEC, if the shell may have it then; else 0
        jne     failed
        mov     8(%rbp), %rcx          # execve("/bin/sh", {"/bin/sh", argv[1], argv + 3 …}, envp)
        mov     %rcx, 16(%rbp)
        mov     16(%rbx), %rdi
        mov     %rdi, 8(%rbp)
        lea     8(%rbp), %rsi
        mov     %r12, %rdx
        mov     $59, %eax
        syscall
        mov     12(%rbx), %eax
failed: lea     40(%rbx), %r15         # what is to be said of this errno; the last entry, of errno 0, is for all others
entry:  mov     (%r15), %edx
        test    %edx, %edx
        je      found
        cmp     %eax, %edx
        je      found
        add     $56, %r15
        jmp     entry
found:  mov     40(%r15), %r13         # where both texts want the errno, in three digits
        mov     48(%r15), %r14
        mov     $2, %esi
        mov     $10, %ecx
digit:  xor     %edx, %edx
        div     %ecx
        add     $48, %dl
        mov     %dl, (%r13,%rsi)
        mov     %dl, (%r14,%rsi)
        dec     %esi
        jns     digit
        mov     8(%rbx), %edi          # write(the pipe, word, length)
        mov     24(%r15), %rsi
        mov     32(%r15), %rdx
        mov     $1, %eax
        syscall
        mov     8(%r15), %rsi
        mov     16(%r15), %rdx
        mov     4(%r15), %r12d         # the exit status
tell:   mov     $2, %edi               # write(2, text, length)
        mov     $1, %eax
        syscall
        mov     %r12d, %edi
        mov     $231, %eax             # exit_group
        syscall
astray: mov     24(%rbx), %rsi
        mov     32(%rbx), %rdx
        mov     $126, %r12d
        jmp     tell
