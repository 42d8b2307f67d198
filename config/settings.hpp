// All settings of the program as plain structs, defaults beside the fields.
#pragma once

namespace parley::config {

struct Settings {};

}  // namespace parley::config
