/* The module's bytes as they are, for engine_wasm3.c. MODULE_FILE: its path, set by the build. */
    .section .rodata
    .global module_bytes
    .global module_bytes_end
    .balign 16
module_bytes:
    .incbin MODULE_FILE
module_bytes_end:
    .byte 0
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
