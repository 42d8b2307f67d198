# PARLEY_SANITIZE=address,undefined or =thread instruments everything we compile.
set(PARLEY_SANITIZE "" CACHE STRING "Sanitizers, comma-separated, as for -fsanitize=")
if(PARLEY_SANITIZE)
  add_compile_options(-fsanitize=${PARLEY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PARLEY_SANITIZE})
endif()
