//! Turns a module into one that several threads run on the same memory.
//!
//! The linker could do this too, but would then ask for a standard library with threads, whose futures need more than a
//! strict Content-Security-Policy allows. Here the standard library belongs to the thread that starts the module. The
//! other threads take a stack from it, and compute pieces of kernels, or of a batch that is trained on, which use of it no
//! more than the allocator.

use anyhow::{Context, Result, bail, ensure};
use walrus::ir::Value;
use walrus::{ConstExpr, DataId, DataKind, FunctionBuilder, FunctionId, MemoryId, Module, ValType};

/// The pages of 64 kB that the memory has at first; `src/js/threads.js` makes it.
const INITIAL_PAGES: u64 = 32;
/// The most pages that it may have: 4 GB.
const MOST_PAGES: u64 = 65_536;
/// The export that wasm-bindgen's glue calls once, on the thread that starts the module.
const START: &str = "__wbindgen_start";
/// The export with which a thread sets its stack.
const STACK_POINTER: &str = "__stack_pointer";

/// Makes the memory of a module shared and imported, as `env.memory`. Its first contents are written when the module is
/// started, and not with each instance of it.
pub fn share_memory(module: &mut Module) -> Result<()> {
    let memory = module
        .memories
        .iter()
        .next()
        .context("it has no memory")?
        .id();
    let import = module.imports.add("env", "memory", memory);
    let shared = module.memories.get_mut(memory);
    ensure!(
        shared.initial <= INITIAL_PAGES,
        "it needs {} pages at first, more than {INITIAL_PAGES}",
        shared.initial
    );
    shared.initial = INITIAL_PAGES;
    shared.maximum = Some(MOST_PAGES);
    shared.shared = true;
    shared.import = Some(import);
    shared.data_segments = Default::default();
    write_at_start(module, memory)?;
    export_stack_pointer(module)
}

/// Makes all contents passive, and writes them before the module starts.
fn write_at_start(module: &mut Module, memory: MemoryId) -> Result<()> {
    let mut segments: Vec<(DataId, i32, i32)> = Vec::new();
    for data in module.data.iter() {
        let DataKind::Active { offset, .. } = &data.kind else {
            continue;
        };
        let ConstExpr::Value(Value::I32(offset)) = offset else {
            bail!("a data segment has no constant address");
        };
        segments.push((data.id(), *offset, i32::try_from(data.value.len())?));
    }
    for (data, ..) in &segments {
        module.data.get_mut(*data).kind = DataKind::Passive;
    }
    let start = exported_function(module, START)?;
    let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
    let mut body = builder.func_body();
    for (data, offset, length) in segments {
        body.i32_const(offset).i32_const(0).i32_const(length);
        body.memory_init(memory, data).data_drop(data);
    }
    body.call(start);
    let started = builder.finish(Vec::new(), &mut module.funcs);
    module.exports.remove(START)?;
    module.exports.add(START, started);
    Ok(())
}

fn exported_function(module: &Module, name: &str) -> Result<FunctionId> {
    let function = module.exports.get_func(name);
    function.with_context(|| format!("it exports no function {name}"))
}

/// Exports the stack pointer: the linker's first global that can be changed.
fn export_stack_pointer(module: &mut Module) -> Result<()> {
    let mut globals = module.globals.iter();
    let pointer = globals.find(|global| global.mutable && global.ty == ValType::I32);
    let pointer = pointer.context("it has no stack pointer")?.id();
    module.exports.add(STACK_POINTER, pointer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use walrus::ModuleConfig;

    use super::*;

    /// A module with two data segments, a stack pointer and a start function.
    fn module() -> Module {
        let mut module = Module::with_config(ModuleConfig::new());
        let memory = module.memories.add_local(false, false, 17, None, None);
        for (offset, value) in [(8, b"abc".to_vec()), (64, b"de".to_vec())] {
            let offset = ConstExpr::Value(Value::I32(offset));
            let kind = DataKind::Active { memory, offset };
            let data = module.data.add(kind, value);
            module.memories.get_mut(memory).data_segments.insert(data);
        }
        let stack = ConstExpr::Value(Value::I32(1 << 20));
        module.globals.add_local(ValType::I32, true, false, stack);
        let builder = FunctionBuilder::new(&mut module.types, &[], &[]);
        let start = builder.finish(Vec::new(), &mut module.funcs);
        module.exports.add(START, start);
        module.exports.add("memory", memory);
        module
    }

    #[test]
    fn the_memory_is_imported_and_written_once() {
        let mut module = module();
        share_memory(&mut module).unwrap();
        // What is written can be read again.
        let module = Module::from_buffer(&module.emit_wasm()).unwrap();
        let memory = module.memories.iter().next().unwrap();
        assert!(memory.shared && memory.import.is_some());
        assert_eq!((memory.initial, memory.maximum), (32, Some(65_536)));
        assert!(module.data.iter().all(walrus::Data::is_passive));
        let start = exported_function(&module, START).unwrap();
        let start = module.funcs.get(start).kind.unwrap_local();
        let instructions = start.block(start.entry_block()).instrs.len();
        assert_eq!(instructions, 2 * 5 + 1);
        let exports: Vec<_> = module
            .exports
            .iter()
            .map(|export| &export.name[..])
            .collect();
        assert!(exports.contains(&"memory") && exports.contains(&STACK_POINTER));
    }

    #[test]
    fn the_script_makes_the_memory_that_the_module_imports() {
        let script = include_str!("../../src/js/threads.js");
        let pages = format!("{{ initial: {INITIAL_PAGES}, maximum: {MOST_PAGES} }}");
        assert!(script.contains(&pages), "{pages}");
    }

    #[test]
    fn a_memory_that_is_too_large_is_refused() {
        let mut module = module();
        let memory = module.memories.iter().next().unwrap().id();
        module.memories.get_mut(memory).initial = 33;
        assert!(share_memory(&mut module).is_err());
    }
}
