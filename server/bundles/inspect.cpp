#include "server/bundles/inspect.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/weights/bundle.hpp"
#include "engine/weights/json_file.hpp"
#include "engine/weights/safetensors.hpp"

namespace parley::bundles {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_name = "model.safetensors.index.json";

bool ends_in(std::string_view name, std::string_view ending) { return name.ends_with(ending); }

std::uintmax_t parameters_of(const weights::TensorView& tensor, const weights::Safetensors& file) {
  if (ends_in(tensor.name, ".scale") || ends_in(tensor.name, ".min")) return 0;
  const std::string_view stem = std::string_view(tensor.name).substr(0, tensor.name.rfind('.'));
  const bool packed =
      tensor.dtype == weights::Dtype::u8 && file.find(std::string(stem) + ".scale") != nullptr;
  return static_cast<std::uintmax_t>(tensor.elements()) * (packed ? 2 : 1);
}

TensorFile read_tensors(const fs::path& path) {
  const weights::Safetensors file(path);
  TensorFile read;
  read.file = file.path();
  for (const auto& [name, tensor] : file.tensors()) {
    const std::string dtype(weights::name_of(tensor.dtype));
    read.tensors.push_back({name, dtype, tensor.shape, tensor.bytes.size()});
    DtypeTotal& total = read.dtypes[dtype];
    ++total.tensors;
    total.bytes += tensor.bytes.size();
    read.parameters += parameters_of(tensor, file);
    read.bytes += tensor.bytes.size();
  }
  return read;
}

// The shards an index names, which are then not files of weights by themselves.
std::set<std::string> shards_of(const fs::path& index) {
  std::set<std::string> shards;
  const nlohmann::json object = weights::read_json_file(index);
  if (!object.is_object() || !object.contains("weight_map") || !object["weight_map"].is_object())
    return shards;
  for (const auto& [tensor, shard] : object["weight_map"].items())
    if (shard.is_string()) shards.insert(shard.get<std::string>());
  return shards;
}

class PartReader {
 public:
  explicit PartReader(Part& part) : part_(part) {}

  void read() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(part_.folder))
      if (!entry.is_directory()) files.push_back(entry.path());
    std::ranges::sort(files);
    if (files.empty()) part_.errors.push_back(part_.folder.string() + " is empty; convert the model again");

    std::set<std::string> shards;
    if (fs::exists(part_.folder / index_name)) {
      attempt([&] { shards = shards_of(part_.folder / index_name); });
      attempt([&] { part_.tensor_files.push_back(read_tensors(part_.folder)); });
    }
    for (const fs::path& file : files) {
      if (file.extension() != ".safetensors") {
        part_.other_files.push_back(file);
        attempt([&] { check(file); });
      } else if (!shards.contains(fs::relative(file, part_.folder).string())) {
        attempt([&] { part_.tensor_files.push_back(read_tensors(file)); });
      }
    }
  }

 private:
  static void check(const fs::path& file) {
    if (!fs::is_regular_file(file)) throw std::runtime_error(file.string() + " leads nowhere");
    if (file.extension() == ".json") weights::read_json_file(file);
  }

  template <typename Step>
  void attempt(Step step) {
    try {
      step();
    } catch (const std::exception& error) {
      part_.errors.emplace_back(error.what());
    }
  }

  Part& part_;
};

}  // namespace

bool Inspection::sound() const {
  return std::ranges::all_of(parts, [](const Part& part) { return part.errors.empty(); });
}

Inspection inspect(const fs::path& folder) {
  const weights::Bundle bundle = weights::Bundle::open(folder);
  Inspection inspection{folder, bundle.id(), bundle.type(), {}};
  for (const auto& [name, part_folder] : bundle.parts()) {
    Part& part = inspection.parts.emplace_back();
    part.name = name;
    part.folder = part_folder;
    PartReader(part).read();
  }
  return inspection;
}

}  // namespace parley::bundles
