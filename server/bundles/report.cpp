#include "server/bundles/report.hpp"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "engine/weights/safetensors.hpp"
#include "server/bundles/units.hpp"

namespace parley::bundles {
namespace {

using Json = nlohmann::ordered_json;

void write_tensor_file(std::ostream& out, const TensorFile& file, bool tensors) {
  out << "    " << file.file.filename().string() << "  " << file.tensors.size() << " tensors, "
      << in_short(file.parameters) << " parameters, " << in_bytes(file.bytes) << ":";
  for (const auto& [dtype, total] : file.dtypes)
    out << "  " << dtype << " x" << total.tensors << " (" << in_bytes(total.bytes) << ")";
  out << '\n';
  if (!tensors) return;
  std::size_t width = 0;
  for (const Tensor& tensor : file.tensors) width = std::max(width, tensor.name.size());
  for (const Tensor& tensor : file.tensors)
    out << "      " << std::left << std::setw(static_cast<int>(width)) << tensor.name << "  " << std::setw(4)
        << tensor.dtype << "  " << weights::to_string(tensor.shape) << '\n';
}

Json tensor_file_json(const TensorFile& file, bool tensors) {
  Json dtypes = Json::object();
  for (const auto& [dtype, total] : file.dtypes)
    dtypes[dtype] = {{"tensors", total.tensors}, {"bytes", total.bytes}};
  Json json{{"file", file.file.string()},
            {"tensors", file.tensors.size()},
            {"parameters", file.parameters},
            {"bytes", file.bytes},
            {"dtypes", dtypes}};
  if (!tensors) return json;
  Json list = Json::array();
  for (const Tensor& tensor : file.tensors)
    list.push_back(
        {{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"bytes", tensor.bytes}});
  json["list"] = list;
  return json;
}

}  // namespace

void write(std::ostream& out, std::span<const Found> bundles) {
  std::size_t id = 4;
  std::size_t type = 4;
  for (const Found& bundle : bundles) {
    id = std::max(id, bundle.id.size());
    type = std::max(type, bundle.type.size());
  }
  const auto line = [&](const std::string& name, const std::string& kind, const std::string& size,
                        const std::string& folder) {
    out << std::left << std::setw(static_cast<int>(id) + 2) << name << std::setw(static_cast<int>(type) + 2)
        << kind << std::right << std::setw(10) << size << "  " << folder << '\n';
  };
  line("name", "type", "size", "path");
  for (const Found& bundle : bundles)
    if (bundle.error.empty()) line(bundle.id, bundle.type, in_bytes(bundle.bytes), bundle.folder.string());
  for (const Found& bundle : bundles)
    if (!bundle.error.empty()) out << "broken: " << bundle.error << '\n';
}

void write(std::ostream& out, const Inspection& inspection, bool tensors) {
  out << inspection.id << ", type " << inspection.type << ", in " << inspection.folder.string() << '\n';
  for (const Part& part : inspection.parts) {
    out << "  " << part.name << "  (" << part.folder.string() << ")\n";
    for (const TensorFile& file : part.tensor_files) write_tensor_file(out, file, tensors);
    for (const auto& file : part.other_files) out << "    " << file.filename().string() << '\n';
    for (const std::string& error : part.errors) out << "    WRONG: " << error << '\n';
  }
  out << (inspection.sound() ? "all files are sound\n" : "this bundle cannot be used: see the lines above\n");
}

Json to_json(std::span<const Found> bundles) {
  Json list = Json::array();
  for (const Found& bundle : bundles) {
    Json json{{"path", bundle.folder.string()}};
    if (bundle.error.empty())
      json.update({{"name", bundle.id}, {"type", bundle.type}, {"bytes", bundle.bytes}});
    else
      json["error"] = bundle.error;
    list.push_back(std::move(json));
  }
  return list;
}

Json to_json(const Inspection& inspection, bool tensors) {
  Json parts = Json::object();
  for (const Part& part : inspection.parts) {
    Json files = Json::array();
    for (const TensorFile& file : part.tensor_files) files.push_back(tensor_file_json(file, tensors));
    Json others = Json::array();
    for (const auto& file : part.other_files) others.push_back(file.string());
    parts[part.name] = {
        {"path", part.folder.string()}, {"weights", files}, {"files", others}, {"errors", part.errors}};
  }
  return {{"name", inspection.id},
          {"type", inspection.type},
          {"path", inspection.folder.string()},
          {"sound", inspection.sound()},
          {"parts", parts}};
}

}  // namespace parley::bundles
