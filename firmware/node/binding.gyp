# The addon that runs the core's modules in wasm3 under Node. wasm3_sources: the folder of wasm3's C sources; build.mjs
# sets it. wasm3 is a target of its own: our warnings are errors, its are not ours to mend.
{
  "variables": { "wasm3_sources%": "../../node_modules/react-native-webassembly/cpp" },
  "target_defaults": {
    "include_dirs": ["<(wasm3_sources)"],
    "defines": [
      "NDEBUG",
      # 4 GiB is 0 in the 32 bits that wasm3 counts bytes with: one page less.
      "d_m3MaxLinearMemoryPages=65535"
    ]
  },
  "targets": [
    {
      "target_name": "interpreter",
      "type": "static_library",
      "sources": [
        "<(wasm3_sources)/m3_bind.c",
        "<(wasm3_sources)/m3_code.c",
        "<(wasm3_sources)/m3_compile.c",
        "<(wasm3_sources)/m3_core.c",
        "<(wasm3_sources)/m3_env.c",
        "<(wasm3_sources)/m3_exec.c",
        "<(wasm3_sources)/m3_function.c",
        "<(wasm3_sources)/m3_info.c",
        "<(wasm3_sources)/m3_module.c",
        "<(wasm3_sources)/m3_parse.c"
      ],
      "cflags": ["-w", "-fno-stack-protector"],
      "xcode_settings": { "OTHER_CFLAGS": ["-w", "-fno-stack-protector"] }
    },
    {
      "target_name": "wasm3",
      "dependencies": ["interpreter"],
      "sources": ["addon.c", "../interpreter.c"],
      "include_dirs": [".."],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-std=c11", "-Wall", "-Wextra", "-Werror"],
      "xcode_settings": { "OTHER_CFLAGS": ["-std=c11", "-Wall", "-Wextra", "-Werror"] }
    }
  ]
}
