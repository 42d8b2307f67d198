#include "protocol/opus/packet.hpp"

#include <opus/opus.h>

#include <array>
#include <limits>

namespace parley::protocol::opus {

std::optional<PacketInfo> inspect(ByteView packet) {
  constexpr int longest = 5760;  // 120 ms
  constexpr int most_frames = 48;
  if (packet.empty() || packet.size() > static_cast<std::size_t>(std::numeric_limits<opus_int32>::max()))
    return std::nullopt;
  const auto* data = reinterpret_cast<const unsigned char*>(packet.data());
  // Parsing checks the lengths of the frames within; counting alone would look at the first two bytes only.
  std::array<opus_int16, most_frames> sizes{};
  const int frames = opus_packet_parse(data, static_cast<opus_int32>(packet.size()), nullptr, nullptr,
                                       sizes.data(), nullptr);
  if (frames <= 0) return std::nullopt;
  const int units = frames * opus_packet_get_samples_per_frame(data, 48000);
  if (units > longest) return std::nullopt;
  return PacketInfo{.frames = frames, .units = units, .stereo = opus_packet_get_nb_channels(data) == 2};
}

}  // namespace parley::protocol::opus
