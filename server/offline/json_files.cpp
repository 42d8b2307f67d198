// Tested by test/server/offline/json_files_test.cpp.
#include "server/offline/json_files.hpp"

#include <fstream>
#include <stdexcept>

#include "engine/weights/json_file.hpp"

namespace parley::commands {

void write_json(const std::filesystem::path& file, const nlohmann::json& value) {
  std::ofstream out(file, std::ios::binary);
  out << value.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  out.flush();
  if (!out) throw std::runtime_error(file.string() + " cannot be written");
}

std::vector<int> read_tokens(const std::filesystem::path& file) {
  const nlohmann::json list = weights::read_json_file(file);
  if (!list.is_array()) throw std::runtime_error(file.string() + " should be a list of audio tokens");
  std::vector<int> tokens;
  for (const nlohmann::json& token : list) {
    if (!token.is_number_integer())
      throw std::runtime_error(file.string() + " should be a list of whole numbers, but holds " +
                               token.dump());
    tokens.push_back(token.get<int>());
  }
  return tokens;
}

}  // namespace parley::commands
