// What was computed in between, as DIR/stages.safetensors (--dump DIR).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace parley::commands {

class StagesFile {
 public:
  // Values row after row.
  void add(const std::string& name, std::vector<float> values, std::vector<std::int64_t> shape);
  void add(const std::string& name, std::vector<std::int32_t> values, std::vector<std::int64_t> shape);

  // Makes the folder where it does not exist. Throws std::runtime_error with a sentence, and
  // std::invalid_argument where values do not fill their shape.
  void write(const std::filesystem::path& folder) const;

 private:
  template <typename T>
  struct Stage {
    std::vector<T> values;
    std::vector<std::int64_t> shape;
  };
  std::map<std::string, Stage<float>> floats_;
  std::map<std::string, Stage<std::int32_t>> integers_;
};

}  // namespace parley::commands
