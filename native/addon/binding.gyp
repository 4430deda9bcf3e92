{
  "target_defaults": {
    "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type", "-fvisibility=hidden"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")", "../core/include"],
    "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED",
                "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"]
  },
  "targets": [
    {
      "target_name": "loader",
      "sources": ["loader.cc"]
    },
    {
      "target_name": "symphony",
      "sources": ["addon.cc", "interpreter.cc", "sync_call.cc", "frame_pump.cc", "callback.cc"]
    }
  ]
}
