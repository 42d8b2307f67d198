#include "engine/weights/safetensors.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "engine/weights/json_file.hpp"
#include "engine/weights/mapped_file.hpp"

namespace parley::weights {
namespace {

using nlohmann::json;

struct DtypeInfo {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DtypeInfo, 12> dtypes{{{Dtype::f64, "F64", 8},
                                            {Dtype::f32, "F32", 4},
                                            {Dtype::f16, "F16", 2},
                                            {Dtype::bf16, "BF16", 2},
                                            {Dtype::i64, "I64", 8},
                                            {Dtype::i32, "I32", 4},
                                            {Dtype::i16, "I16", 2},
                                            {Dtype::i8, "I8", 1},
                                            {Dtype::u32, "U32", 4},
                                            {Dtype::u16, "U16", 2},
                                            {Dtype::u8, "U8", 1},
                                            {Dtype::boolean, "BOOL", 1}}};

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t max_header_bytes = 100'000'000;  // the reference implementation's limit

[[noreturn]] void broken(const std::filesystem::path& file, const std::string& what) {
  throw std::runtime_error(file.string() + " is broken: " + what + "; fetch or convert it again");
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i)
    length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return length;
}

bool is_count(const json& value) {
  return value.is_number_unsigned() &&
         value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

// One entry of the header, with its range inside `data` checked.
TensorView parse_tensor(const std::filesystem::path& file, const std::string& name, const json& entry,
                        std::span<const std::byte> data) {
  const auto bad = [&](const std::string& what) { broken(file, "tensor \"" + name + "\" " + what); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    bad("lacks dtype, shape or data_offsets");
  TensorView view;
  view.name = name;

  const json& dtype = entry["dtype"];
  const auto known = std::ranges::find_if(dtypes, [&](const DtypeInfo& info) {
    return dtype.is_string() && dtype.get_ref<const std::string&>() == info.name;
  });
  if (known == dtypes.end()) bad("has the dtype " + dtype.dump() + ", which is not known here");
  view.dtype = known->dtype;

  const json& shape = entry["shape"];
  if (!shape.is_array()) bad("has no list of sizes as its shape");
  std::uint64_t size = known->size;
  for (const json& extent : shape) {
    if (!is_count(extent)) bad("has a size that is not a count: " + extent.dump());
    view.shape.push_back(extent.get<std::int64_t>());
    if (__builtin_mul_overflow(size, extent.get<std::uint64_t>(), &size)) bad("is larger than memory can be");
  }

  const json& range = entry["data_offsets"];
  if (!range.is_array() || range.size() != 2 || !is_count(range[0]) || !is_count(range[1]))
    bad("needs two offsets, has " + range.dump());
  const auto begin = range[0].get<std::uint64_t>();
  const auto end = range[1].get<std::uint64_t>();
  if (begin > end) bad("ends before it begins: " + range.dump());
  if (end > data.size())
    bad("reaches to byte " + std::to_string(end) + " of " + std::to_string(data.size()) +
        ": the file is truncated");
  if (end - begin != size)
    bad("has shape " + to_string(view.shape) + " of " + std::string(known->name) + ", so " +
        std::to_string(size) + " bytes, but its range holds " + std::to_string(end - begin));
  view.bytes = data.subspan(begin, end - begin);
  return view;
}

void check_ranges(const std::filesystem::path& file, const std::vector<TensorView>& views,
                  std::span<const std::byte> data) {
  std::vector<const TensorView*> by_address;
  for (const TensorView& view : views) by_address.push_back(&view);
  std::ranges::sort(by_address, [](const TensorView* a, const TensorView* b) {
    return std::pair(a->bytes.data(), a->bytes.size()) < std::pair(b->bytes.data(), b->bytes.size());
  });
  const std::byte* expected = data.data();
  for (const TensorView* view : by_address) {
    if (view->bytes.data() < expected) broken(file, "tensor \"" + view->name + "\" overlaps its neighbour");
    if (view->bytes.data() > expected)
      broken(file, "bytes before tensor \"" + view->name + "\" belong to none");
    expected += view->bytes.size();
  }
  const auto spare = static_cast<std::size_t>(data.data() + data.size() - expected);
  if (spare != 0) broken(file, std::to_string(spare) + " bytes at the end belong to no tensor");
}

}  // namespace

std::size_t size_of(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].size; }
std::string_view name_of(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].name; }

std::int64_t TensorView::elements() const { return static_cast<std::int64_t>(bytes.size() / size_of(dtype)); }

std::string to_string(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

Safetensors::Safetensors(const std::filesystem::path& path) : path_(path) {
  if (!std::filesystem::is_directory(path)) {
    add_file(path);
  } else if (std::filesystem::exists(path / "model.safetensors.index.json")) {
    add_shards(path / "model.safetensors.index.json");
  } else {
    add_file(path / "model.safetensors");
  }
}

const TensorView* Safetensors::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const TensorView& Safetensors::at(std::string_view name) const {
  const TensorView* found = find(name);
  if (found == nullptr)
    throw std::runtime_error(path_.string() + " lacks the tensor \"" + std::string(name) +
                             "\"; convert the model again");
  return *found;
}

void Safetensors::add_file(const std::filesystem::path& file) {
  const auto mapped = MappedFile::open(file);
  const std::span<const std::byte> bytes = mapped->bytes();
  if (bytes.size() < length_bytes)
    broken(file, "it has " + std::to_string(bytes.size()) + " bytes, too few for a header");
  const std::uint64_t header_size = read_length(bytes);
  if (header_size > max_header_bytes || header_size > bytes.size() - length_bytes)
    broken(file, "its header should have " + std::to_string(header_size) + " bytes, the file has " +
                     std::to_string(bytes.size()));

  const auto text = bytes.subspan(length_bytes, header_size);
  const auto* first = reinterpret_cast<const char*>(text.data());
  const json header = json::parse(first, first + text.size(), nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) broken(file, "its header is not a JSON object");

  const auto data = bytes.subspan(length_bytes + header_size);
  std::vector<TensorView> views;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) broken(file, "its __metadata__ is not an object");
      for (const auto& [key, value] : entry.items())
        if (value.is_string()) metadata_[key] = value.get<std::string>();
      continue;
    }
    views.push_back(parse_tensor(file, name, entry, data));
  }
  check_ranges(file, views, data);
  for (TensorView& view : views) {
    view.owner = mapped;
    view.mapped = true;
    std::string name = view.name;
    if (!tensors_.emplace(name, std::move(view)).second)
      broken(file, "tensor \"" + name + "\" is in another shard too");
  }
}

void Safetensors::add_shards(const std::filesystem::path& index) {
  const json listed = read_json_file(index);
  if (!listed.is_object() || !listed.contains("weight_map") || !listed["weight_map"].is_object())
    broken(index, "it has no weight_map");
  std::set<std::string> shards;
  for (const auto& [name, shard] : listed["weight_map"].items()) {
    // A shard lies beside its index: a path could reach any file of the machine.
    if (!shard.is_string() ||
        std::filesystem::path(shard.get<std::string>()).filename() != shard.get<std::string>())
      broken(index, "tensor \"" + name + "\" has no plain file name: " + shard.dump());
    shards.insert(shard.get<std::string>());
  }
  for (const std::string& shard : shards) add_file(index.parent_path() / shard);
  for (const auto& [name, shard] : listed["weight_map"].items())
    if (find(name) == nullptr) broken(index, "tensor \"" + name + "\" is not in " + shard.get<std::string>());
}

}  // namespace parley::weights
