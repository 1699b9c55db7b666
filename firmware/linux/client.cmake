# The client library, libmidge-client.a, and its examples; part of CMakeLists.txt. A user links one file: the client, the
# engine and the module are one object in it, in which all names but midge_*() are local, so that none of them meets one of
# the user's own.
include(GNUInstallDirs)

set(CLIENT_SOURCES)
foreach(file client client_events client_link client_options client_texts clock_posix core driver engine loop_poll net_posix
             record)
  list(APPEND CLIENT_SOURCES ${FIRMWARE}/${file}.c)
endforeach()

# The module compiled to C with memory that the code checks: the address space and SIGSEGV are the user's, not ours.
set(CLIENT_CODE ${CMAKE_CURRENT_BINARY_DIR}/wasm2c/client_module.c)
add_library(midge-client-code OBJECT ${CLIENT_CODE} ${FIRMWARE}/wasm2c/memory_checked.c)
add_dependencies(midge-client-code client-code)
target_include_directories(midge-client-code PUBLIC ${CMAKE_CURRENT_BINARY_DIR}/wasm2c ${FIRMWARE}/wasm2c)
target_compile_options(midge-client-code PRIVATE -w ${SANITIZE_FLAGS})

# midge_client(NAME ENGINE): the library NAME and its examples.
function(midge_client name engine)
  add_library(${name}-parts OBJECT ${CLIENT_SOURCES} ${FIRMWARE}/engine_${engine}.c)
  target_compile_definitions(${name}-parts PRIVATE MIDGE_MODULE_CLIENT)
  target_include_directories(${name}-parts PRIVATE ${FIRMWARE})
  target_compile_options(${name}-parts PRIVATE $<$<COMPILE_LANGUAGE:C>:${OUR_FLAGS}> ${SANITIZE_FLAGS})
  set(parts $<TARGET_OBJECTS:${name}-parts>)
  if(engine STREQUAL wasm2c)
    target_link_libraries(${name}-parts PRIVATE midge-client-code)
    list(APPEND parts $<TARGET_OBJECTS:midge-client-code>)
  else()
    midge_interpreted(${name}-parts ${MIDGE_MODULES}/client.wasm)
    list(APPEND parts $<TARGET_OBJECTS:wasm3>)
  endif()
  add_library(${name} STATIC ${parts})
  # Which machine it is for, for one.
  separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
  add_custom_command(
    TARGET ${name} POST_BUILD
    # Code that the compiler shares between files (on i386) is to stay, under whatever name.
    COMMAND ${CMAKE_C_COMPILER} ${flags} -r -nostdlib -Wl,--force-group-allocation -o ${name}.o -Wl,--whole-archive
            $<TARGET_FILE:${name}> -Wl,--no-whole-archive
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=midge_* ${name}.o
    COMMAND ${CMAKE_COMMAND} -E rm $<TARGET_FILE:${name}>
    COMMAND ${CMAKE_AR} qcs $<TARGET_FILE:${name}> ${name}.o
    VERBATIM)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C PUBLIC_HEADER ${FIRMWARE}/midge.h)
  target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${FIRMWARE}>)
  install(TARGETS ${name} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
          PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)
endfunction()

# client_example(NAME SOURCE LIBRARY)
function(client_example name source library)
  add_executable(${name} ${FIRMWARE}/examples/${source}.c)
  target_compile_options(${name} PRIVATE ${OUR_FLAGS} ${SANITIZE_FLAGS})
  target_link_libraries(${name} PRIVATE ${library})
endfunction()

midge_client(midge-client wasm2c)
midge_client(midge-client-wasm3 wasm3)
client_example(publish-temperature publish_temperature midge-client)
client_example(publish-temperature-wasm3 publish_temperature midge-client-wasm3)
client_example(print-subscription print_subscription midge-client)
client_example(print-subscription-wasm3 print_subscription midge-client-wasm3)
