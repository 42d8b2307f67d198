// A bundle: a folder with one model, ready to load. bundle.json says what it is and where its parts are:
//   {"format": 1, "type": "starter", "id": "starter", "ear": "ear", "brain": "brain", "voice": "voice",
//   "vad": "vad"}
// Every key besides format, type and id names a part; its value is the part's folder, inside the bundle.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace parley::weights {

inline constexpr int bundle_format = 1;

class Bundle {
 public:
  // Throws std::runtime_error with a sentence that names the file and the key that is wrong.
  static Bundle open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const std::string& type() const { return type_; }  // which model reads it: "starter", "step_audio_2"
  const std::string& id() const { return id_; }      // what clients call it
  const std::map<std::string, std::filesystem::path, std::less<>>& parts() const { return parts_; }
  const std::filesystem::path& part(std::string_view name) const;  // throws when the bundle has no such part

 private:
  std::filesystem::path folder_;
  std::string type_;
  std::string id_;
  std::map<std::string, std::filesystem::path, std::less<>> parts_;
};

}  // namespace parley::weights
