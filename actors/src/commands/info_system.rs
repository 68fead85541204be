//! The sections of INFO about the process: what it is, the memory and the processor time it uses.

use std::sync::atomic::Ordering::Relaxed;

use shardwright_config::{Supervised, find};

use super::info::{InfoCx, Lines};
use crate::clock::Clock;
use crate::memory::{Allocator, ProcessorTime, machine_total, resident};
use crate::server::REDIS_VERSION;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Bits of the clock that recency is told by.
const LRU_CLOCK_MASK: i64 = 0xFF_FFFF;

/// `# Server`
pub(super) fn server(cx: &InfoCx<'_>, lines: &mut Lines) {
    let identity = &cx.server.identity;
    let settings = &cx.settings;
    let uptime = cx.now.0.saturating_sub(identity.started.0).max(0) / 1000;
    let config_file = identity.config_file.as_ref().map(|path| path.display().to_string());
    lines.put("redis_version", REDIS_VERSION);
    lines.put("shardwright_version", identity.version);
    lines.put("redis_mode", "standalone");
    lines.put("os", operating_system());
    lines.put("arch_bits", usize::BITS);
    lines.put("monotonic_clock", "quanta");
    lines.put("multiplexing_api", "epoll");
    lines.put("process_id", std::process::id());
    lines.put(
        "process_supervised",
        if is_supervised(settings.supervised) { "systemd" } else { "no" },
    );
    lines.put("run_id", &identity.run_id);
    lines.put("tcp_port", settings.port);
    lines.put("server_time_usec", Clock::unix_micros());
    lines.put("uptime_in_seconds", uptime);
    lines.put("uptime_in_days", uptime / DAY_SECONDS);
    lines.put("hz", settings.hz);
    lines.put("configured_hz", settings.hz);
    lines.put("lru_clock", (cx.now.0 / 1000) & LRU_CLOCK_MASK);
    lines.put("executable", identity.executable.display());
    lines.put("config_file", config_file.unwrap_or_default());
    lines.put("io_threads_active", 0);
}

fn is_supervised(setting: Supervised) -> bool {
    match setting {
        Supervised::No => false,
        Supervised::Systemd => true,
        Supervised::Auto => std::env::var_os("NOTIFY_SOCKET").is_some(),
    }
}

/// Name and release of the kernel, and the processor's architecture.
fn operating_system() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let name = read("/proc/sys/kernel/ostype");
    let release = read("/proc/sys/kernel/osrelease");
    format!("{} {} {}", name.trim(), release.trim(), std::env::consts::ARCH)
}

/// `# Memory`
pub(super) fn memory(cx: &InfoCx<'_>, lines: &mut Lines) {
    let allocator = Allocator::read();
    let rss = resident();
    if let Some(Allocator { allocated, .. }) = allocator {
        allocated_memory(cx, allocated, lines);
    }
    put_bytes("used_memory_rss", rss, lines);
    if let Some(Allocator { allocated, active, resident }) = allocator {
        lines.put("allocator_allocated", allocated);
        lines.put("allocator_active", active);
        lines.put("allocator_resident", resident);
        put_ratio("allocator_frag", "ratio", "bytes", active, allocated, lines);
        put_ratio("allocator_rss", "ratio", "bytes", resident, active, lines);
    }
    if let (Some(rss), Some(Allocator { allocated, resident, .. })) = (rss, allocator) {
        put_ratio("rss_overhead", "ratio", "bytes", rss, resident, lines);
        put_ratio("mem_fragmentation", "ratio", "bytes", rss, allocated, lines);
    }
    put_bytes("total_system_memory", machine_total(), lines);
    let limit = find("maxmemory").and_then(|limit| limit.get(&cx.settings).parse().ok());
    put_bytes("maxmemory", limit, lines);
    let policy = find("maxmemory-policy").map(|policy| policy.get(&cx.settings));
    lines.put_known("maxmemory_policy", policy);
    absent_users(lines);
    let clients = cx.server.clients.all();
    lines
        .put("mem_clients_normal", clients.iter().map(|row| row.memory.load(Relaxed)).sum::<u64>());
    lines.put_known("mem_allocator", Allocator::name());
    lines.put("active_defrag_running", 0);
    lines.put("lazyfree_pending_objects", cx.server.reaped.pending());
    lines.put("lazyfreed_objects", cx.totals.freed);
}

/// What the program asked for, its peak, and how much of it is data.
fn allocated_memory(cx: &InfoCx<'_>, allocated: u64, lines: &mut Lines) {
    let peak = cx.server.sampler.peak(allocated);
    let data: u64 = cx.server.stats().iter().map(|thread| thread.data_bytes.get()).sum();
    put_bytes("used_memory", Some(allocated), lines);
    put_bytes("used_memory_peak", Some(peak), lines);
    lines.put("used_memory_peak_perc", percent(allocated, peak));
    lines.put("used_memory_overhead", allocated.saturating_sub(data));
    let startup = cx.server.sampler.startup();
    lines.put_known("used_memory_startup", startup);
    lines.put("used_memory_dataset", data);
    // Of what has come since the start.
    let since = allocated.saturating_sub(startup.unwrap_or_default());
    lines.put("used_memory_dataset_perc", percent(data, since.max(data)));
}

/// What features that do not exist use.
fn absent_users(lines: &mut Lines) {
    for name in ["used_memory_lua", "used_memory_vm_total", "used_memory_scripts"] {
        put_bytes(name, Some(0), lines);
    }
    lines.put_all(&[
        ("used_memory_vm_eval", 0),
        ("used_memory_vm_functions", 0),
        ("used_memory_scripts_eval", 0),
        ("number_of_cached_scripts", 0),
        ("number_of_functions", 0),
        ("number_of_libraries", 0),
        ("used_memory_functions", 0),
        ("mem_not_counted_for_evict", 0),
        ("mem_replication_backlog", 0),
        ("mem_total_replication_buffers", 0),
        ("mem_clients_slaves", 0),
        ("mem_cluster_links", 0),
        ("mem_aof_buffer", 0),
    ]);
}

/// A figure in bytes, and once more for people.
fn put_bytes(name: &str, bytes: Option<u64>, lines: &mut Lines) {
    if let Some(bytes) = bytes {
        lines.put(name, bytes);
        lines.put(format_args!("{name}_human"), for_people(bytes));
    }
}

/// How much more `whole` is than `part`: as a ratio and in bytes.
fn put_ratio(name: &str, ratio: &str, bytes: &str, whole: u64, part: u64, lines: &mut Lines) {
    let difference = i128::from(whole) - i128::from(part);
    lines.put(format_args!("{name}_{ratio}"), format_args!("{:.2}", quotient(whole, part)));
    lines.put(format_args!("{name}_{bytes}"), difference);
}

fn quotient(whole: u64, part: u64) -> f64 {
    if part == 0 { 0.0 } else { whole as f64 / part as f64 }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.2}%", quotient(part, whole) * 100.0)
}

/// A number of bytes with the unit that fits, as Redis prints it.
fn for_people(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "K", "M", "G", "T", "P"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes}B") } else { format!("{amount:.2}{}", UNITS[unit]) }
}

/// `# CPU`
pub(super) fn cpu(cx: &InfoCx<'_>, lines: &mut Lines) {
    let readings = [
        ("", ProcessorTime::of_process()),
        ("_children", ProcessorTime::of_children()),
        ("_main_thread", cx.server.sampler.control_thread()),
    ];
    for (suffix, time) in readings {
        let Some(ProcessorTime { system, user }) = time else { continue };
        lines.put(format_args!("used_cpu_sys{suffix}"), format_args!("{system:.6}"));
        lines.put(format_args!("used_cpu_user{suffix}"), format_args!("{user:.6}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_printed_for_people_as_redis_does() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_338_408, "1.28M"),
            (25_276_502_016, "23.54G"),
            (1 << 40, "1.00T"),
            (1 << 50, "1.00P"),
        ] {
            assert_eq!(for_people(bytes), text);
        }
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(percent(5, 0), "0.00%");
        assert_eq!(percent(1, 3), "33.33%");
    }
}
