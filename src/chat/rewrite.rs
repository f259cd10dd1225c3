//! Rewrites the syntax tree of a template, for what cannot be adapted by filters, tests and functions alone.
//!
//! Operators and look-ups that Python evaluates differently become calls of the filters of [`super::filters`]; loops,
//! macros and `with` blocks get the semantics of Jinja2.

use super::{access, macros};
use minijinja::machinery::{Span, ast};
use minijinja::value::Value;
use minijinja::{Error, ErrorKind};
use std::cell::{Cell, RefCell};

use ast::{BinOpKind, CallArg, CompareOpKind, Expr, Spanned, Stmt, UnaryOpKind};

type Result<T> = std::result::Result<T, Error>;

/// Makes a node of the syntax tree: `node!(Stmt::Set, span, { … })`.
macro_rules! node {
    ($of:ident::$kind:ident, $span:expr, { $($fields:tt)* }) => {
        $of::$kind(Spanned::new(ast::$kind { $($fields)* }, $span))
    };
}

mod scopes;

/// The name of a temporary variable: no identifier of a template can be this.
const VALUE: &str = "=";

/// Rewrites a whole template.
pub(super) fn template<'a>(parsed: &Stmt<'a>) -> Result<Stmt<'a>> {
    Rewriter::default().statement(parsed)
}

/// What is known at the place in the tree that is being rewritten.
#[derive(Default)]
struct Rewriter {
    /// Which variables of [`macros::REST`] the macro around this place uses, and which of them are shadowed by another
    /// variable of that name.
    used: Cell<[bool; 2]>,
    hidden: Cell<[bool; 2]>,
    /// Within the default of a parameter: that parameter and those after it, which have no value yet unless they are given.
    unset: RefCell<Vec<String>>,
}

impl Rewriter {
    fn statements<'a>(&self, body: &[Stmt<'a>]) -> Result<Vec<Stmt<'a>>> {
        let mut made = Vec::with_capacity(body.len());
        for parsed in body {
            match parsed {
                Stmt::Macro(parsed) => made.extend(self.wrapped(parsed)?),
                Stmt::SetBlock(of) if matches!(of.target, Expr::GetAttr(_)) => {
                    made.push(self.set_block(of, var(VALUE, of.span()))?);
                    made.push(self.set(&of.target, var(VALUE, of.span()), of.span())?);
                }
                parsed => made.push(self.statement(parsed)?),
            }
        }
        Ok(made)
    }

    fn statement<'a>(&self, parsed: &Stmt<'a>) -> Result<Stmt<'a>> {
        Ok(match parsed {
            Stmt::Template(of) => {
                let children = self.statements(&of.children)?;
                node!(Stmt::Template, of.span(), { children })
            }
            Stmt::EmitExpr(of) => {
                let expr = self.expression(&of.expr)?;
                node!(Stmt::EmitExpr, of.span(), { expr })
            }
            Stmt::EmitRaw(of) => {
                node!(Stmt::EmitRaw, of.span(), { raw: of.raw })
            }
            Stmt::Continue(of) => Stmt::Continue(Spanned::new(ast::Continue, of.span())),
            Stmt::Break(of) => Stmt::Break(Spanned::new(ast::Break, of.span())),
            Stmt::ForLoop(of) => Stmt::ForLoop(Spanned::new(self.for_loop(of)?, of.span())),
            Stmt::IfCond(of) => node!(Stmt::IfCond, of.span(), {
                expr: self.expression(&of.expr)?,
                true_body: self.statements(&of.true_body)?,
                false_body: self.statements(&of.false_body)?,
            }),
            Stmt::WithBlock(of) => node!(Stmt::WithBlock, of.span(), {
                assignments: self.assignments(&of.assignments, of.span())?,
                body: self.statements(&of.body)?,
            }),
            Stmt::Set(of) => {
                if let Expr::Var(to) = &of.target {
                    self.hide(to.id);
                }
                self.set(&of.target, self.expression(&of.expr)?, of.span())?
            }
            Stmt::SetBlock(of) => self.set_block(of, self.target(&of.target)?)?,
            Stmt::AutoEscape(of) => {
                let (enabled, body) = (self.expression(&of.enabled)?, self.statements(&of.body)?);
                node!(Stmt::AutoEscape, of.span(), { enabled, body })
            }
            Stmt::FilterBlock(of) => node!(Stmt::FilterBlock, of.span(), {
                filter: self.expression(&of.filter)?,
                filter_span: of.filter_span,
                body: self.statements(&of.body)?,
            }),
            // A macro becomes two statements, which `statements` takes care of.
            Stmt::Macro(_) => return Err(unknown("a macro here")),
            Stmt::CallBlock(of) => node!(Stmt::CallBlock, of.span(), {
                call: Spanned::new(self.call(&of.call)?, of.call.span()),
                call_expr_span: of.call_expr_span,
                macro_decl: Spanned::new(self.caller(&of.macro_decl)?, of.macro_decl.span()),
            }),
            Stmt::Do(_) => return Err(unknown("the statement do")),
        })
    }

    fn for_loop<'a>(&self, of: &Spanned<ast::ForLoop<'a>>) -> Result<ast::ForLoop<'a>> {
        let several = !matches!(of.target, Expr::Var(_));
        Ok(ast::ForLoop {
            target: self.target(&of.target)?,
            iter: filter(
                "iterate",
                self.expression(&of.iter)?,
                vec![constant(several.into(), of.span())],
            ),
            filter_expr: self.optional(&of.filter_expr)?,
            recursive: of.recursive,
            body: self.statements(&of.body)?,
            else_body: self.statements(&of.else_body)?,
        })
    }

    /// The assignments of a `with` block. Jinja2 evaluates all values before it assigns any, so that several
    /// assignments become one of a tuple.
    fn assignments<'a>(
        &self,
        of: &[(Expr<'a>, Expr<'a>)],
        span: Span,
    ) -> Result<Vec<(Expr<'a>, Expr<'a>)>> {
        let made = of
            .iter()
            .map(|(to, value)| Ok((self.target(to)?, self.expression(value)?)));
        let made: Vec<_> = made.collect::<Result<_>>()?;
        if made.len() < 2 {
            return Ok(made);
        }
        let (targets, values) = made.into_iter().unzip();
        let targets = node!(Expr::List, span, { items: targets });
        let values = node!(Expr::Tuple, span, { items: values });
        Ok(vec![(targets, values)])
    }

    /// `{% set target = value %}`. An attribute of a namespace is set by a filter.
    fn set<'a>(&self, to: &Expr<'a>, expr: Expr<'a>, span: Span) -> Result<Stmt<'a>> {
        let Expr::GetAttr(attribute) = to else {
            let target = self.target(to)?;
            return Ok(node!(Stmt::Set, span, { target, expr }));
        };
        if !matches!(attribute.expr, Expr::Var(_)) {
            return Err(unknown("an attribute of an attribute as a target"));
        }
        let name = constant(attribute.name.into(), span);
        let expr = filter("set", self.expression(&attribute.expr)?, vec![name, expr]);
        Ok(node!(Stmt::EmitExpr, span, { expr }))
    }

    fn set_block<'a>(&self, of: &Spanned<ast::SetBlock<'a>>, target: Expr<'a>) -> Result<Stmt<'a>> {
        let made = ast::SetBlock {
            target,
            filter: self.optional(&of.filter)?,
            body: self.statements(&of.body)?,
        };
        Ok(Stmt::SetBlock(Spanned::new(made, of.span())))
    }

    /// The target of an assignment: a name, or a list or tuple of names.
    fn target<'a>(&self, of: &Expr<'a>) -> Result<Expr<'a>> {
        let all = |items: &[Expr<'a>]| {
            items
                .iter()
                .map(|of| self.target(of))
                .collect::<Result<Vec<_>>>()
        };
        let span = of.span();
        Ok(match of {
            Expr::Var(of) => {
                self.hide(of.id);
                var(of.id, span)
            }
            Expr::List(of) => node!(Expr::List, span, {
                items: all(&of.items)?,
            }),
            Expr::Tuple(of) => node!(Expr::Tuple, span, {
                items: all(&of.items)?,
            }),
            _ => return Err(unknown("an attribute among several targets")),
        })
    }

    fn expressions<'a>(&self, of: &[Expr<'a>]) -> Result<Vec<Expr<'a>>> {
        of.iter().map(|of| self.expression(of)).collect()
    }

    fn optional<'a>(&self, of: &Option<Expr<'a>>) -> Result<Option<Expr<'a>>> {
        of.as_ref().map(|of| self.expression(of)).transpose()
    }

    fn expression<'a>(&self, parsed: &Expr<'a>) -> Result<Expr<'a>> {
        let span = parsed.span();
        Ok(match parsed {
            Expr::Var(of) => self.variable(of.id, span),
            Expr::Const(of) => constant(of.value.clone(), span),
            Expr::Slice(of) => self.slice(of, span)?,
            Expr::UnaryOp(of) => {
                // The type implements neither `Copy` nor `Clone`.
                #[expect(clippy::needless_match)]
                let op = match of.op {
                    UnaryOpKind::Not => UnaryOpKind::Not,
                    UnaryOpKind::Neg => UnaryOpKind::Neg,
                };
                let expr = self.expression(&of.expr)?;
                node!(Expr::UnaryOp, span, { op, expr })
            }
            Expr::BinOp(of) => self.binary(of, span)?,
            Expr::Compare(of) => self.compare(of, span)?,
            Expr::IfExpr(of) => node!(Expr::IfExpr, span, {
                test_expr: self.expression(&of.test_expr)?,
                true_expr: self.expression(&of.true_expr)?,
                false_expr: self.optional(&of.false_expr)?,
            }),
            Expr::Filter(of) => {
                let (name, expr, args) =
                    (of.name, self.optional(&of.expr)?, self.arguments(&of.args)?);
                node!(Expr::Filter, span, { name, expr, args })
            }
            Expr::Test(of) => {
                let (name, expr, args) = (
                    of.name,
                    self.expression(&of.expr)?,
                    self.arguments(&of.args)?,
                );
                node!(Expr::Test, span, { name, expr, args })
            }
            Expr::GetAttr(of) => self.attribute(of, span)?,
            Expr::GetItem(of) => self.get_item(of, span)?,
            Expr::Call(of) => Expr::Call(Spanned::new(self.call(of)?, span)),
            Expr::List(of) => node!(Expr::List, span, {
                items: self.expressions(&of.items)?,
            }),
            Expr::Tuple(of) => node!(Expr::Tuple, span, {
                items: self.expressions(&of.items)?,
            }),
            Expr::Map(of) => self.map(of, span)?,
        })
    }

    /// An operation on two values: of the engine, or the filter that does as Python does.
    fn binary<'a>(&self, of: &ast::BinOp<'a>, span: Span) -> Result<Expr<'a>> {
        let (op, left, right) = (
            of.op,
            self.expression(&of.left)?,
            self.expression(&of.right)?,
        );
        Ok(match operator(op) {
            Some(name) => filter(name, left, vec![right]),
            None => node!(Expr::BinOp, span, { op, left, right }),
        })
    }

    /// `value.name`.
    fn attribute<'a>(&self, of: &ast::GetAttr<'a>, span: Span) -> Result<Expr<'a>> {
        let (name, expr) = (of.name, self.expression(&of.expr)?);
        Ok(match access::is_method(name) || name.starts_with('_') {
            true => filter(".", expr, vec![constant(name.into(), span)]),
            false => node!(Expr::GetAttr, span, { name, expr }),
        })
    }

    /// `{key: value, …}`, whose keys are checked as Python does.
    fn map<'a>(&self, of: &ast::Map<'a>, span: Span) -> Result<Expr<'a>> {
        let hashed = |key: Expr<'a>| match &key {
            Expr::Const(of) if of.value.as_object().is_none() => key,
            _ => filter("hashed", key, Vec::new()),
        };
        let keys = self.expressions(&of.keys)?;
        let keys = keys.into_iter().map(hashed).collect();
        let values = self.expressions(&of.values)?;
        Ok(node!(Expr::Map, span, { keys, values }))
    }

    /// The value of a variable. One of [`macros::REST`] is noted as used; a parameter without a value is undefined.
    fn variable<'a>(&self, id: &'a str, span: Span) -> Expr<'a> {
        if self.unset.borrow().iter().any(|name| name == id) {
            return given(id, None, span);
        }
        let (used, hidden) = (self.used.get(), self.hidden.get());
        let loaded = |at: usize| macros::REST[at] == id && !hidden[at];
        self.used.set([0, 1].map(|at| used[at] || loaded(at)));
        var(id, span)
    }

    /// `expr[start:stop:step]`, which becomes a filter.
    fn slice<'a>(&self, of: &ast::Slice<'a>, span: Span) -> Result<Expr<'a>> {
        let bound = |bound: &Option<Expr<'a>>| match bound {
            Some(bound) => self.expression(bound),
            None => Ok(constant(().into(), span)),
        };
        let bounds = vec![bound(&of.start)?, bound(&of.stop)?, bound(&of.step)?];
        Ok(filter("[:]", self.expression(&of.expr)?, bounds))
    }

    /// A chain of comparisons, which becomes a filter.
    fn compare<'a>(&self, of: &ast::Compare<'a>, span: Span) -> Result<Expr<'a>> {
        let mut args = Vec::new();
        for op in &of.ops {
            args.push(constant(comparison(op.op).into(), span));
            args.push(self.expression(&op.expr)?);
        }
        Ok(filter("compare", self.expression(&of.expr)?, args))
    }

    /// `expr[key]`, which becomes a filter unless the key is a string that names no method.
    fn get_item<'a>(&self, of: &ast::GetItem<'a>, span: Span) -> Result<Expr<'a>> {
        let (expr, key) = (
            self.expression(&of.expr)?,
            self.expression(&of.subscript_expr)?,
        );
        let is_plain = |key: &Value| key.as_str().is_some_and(|name| !access::is_method(name));
        Ok(match &key {
            Expr::Const(of) if is_plain(&of.value) => node!(Expr::GetItem, span, {
                expr,
                subscript_expr: key,
            }),
            _ => filter("[]", expr, vec![key]),
        })
    }

    fn call<'a>(&self, of: &ast::Call<'a>) -> Result<ast::Call<'a>> {
        // The engine looks up a method by its name when it is called, so that this is no attribute access.
        let expr = match &of.expr {
            Expr::GetAttr(of) => {
                let (name, expr) = (of.name, self.expression(&of.expr)?);
                node!(Expr::GetAttr, of.span(), { name, expr })
            }
            other => self.expression(other)?,
        };
        let mut args = self.arguments(&of.args)?;
        if let (Expr::Var(called), [CallArg::Pos(_)]) = (&expr, &args[..])
            && called.id == "loop"
            && let Some(CallArg::Pos(items)) = args.pop()
        {
            args.push(CallArg::Pos(filter("iterate", items, Vec::new())));
        }
        Ok(ast::Call { expr, args })
    }

    fn arguments<'a>(&self, of: &[CallArg<'a>]) -> Result<Vec<CallArg<'a>>> {
        let argument = |argument: &CallArg<'a>| {
            Ok(match argument {
                CallArg::Pos(value) => CallArg::Pos(self.expression(value)?),
                CallArg::Kwarg(name, value) => CallArg::Kwarg(name, self.expression(value)?),
                CallArg::PosSplat(value) => CallArg::PosSplat(self.expression(value)?),
                CallArg::KwargSplat(value) => CallArg::KwargSplat(self.expression(value)?),
            })
        };
        of.iter().map(argument).collect()
    }
}

/// The filter that replaces an operator, where minijinja's own differs.
fn operator(op: BinOpKind) -> Option<&'static str> {
    Some(match op {
        BinOpKind::Add => "+",
        BinOpKind::Mul => "*",
        BinOpKind::Pow => "**",
        BinOpKind::Rem => "%",
        BinOpKind::Concat => "~",
        BinOpKind::In => comparison(CompareOpKind::In),
        BinOpKind::Eq => comparison(CompareOpKind::Eq),
        BinOpKind::Ne => comparison(CompareOpKind::Ne),
        BinOpKind::Lt => comparison(CompareOpKind::Lt),
        BinOpKind::Lte => comparison(CompareOpKind::Lte),
        BinOpKind::Gt => comparison(CompareOpKind::Gt),
        BinOpKind::Gte => comparison(CompareOpKind::Gte),
        _ => return None,
    })
}

fn comparison(op: CompareOpKind) -> &'static str {
    match op {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}

/// `of | name(args)`.
fn filter<'a>(name: &'static str, of: Expr<'a>, args: Vec<Expr<'a>>) -> Expr<'a> {
    let span = of.span();
    let args = args.into_iter().map(CallArg::Pos).collect();
    node!(Expr::Filter, span, {
        name,
        expr: Some(of),
        args,
    })
}

/// The argument `name` where it is given, else `otherwise`; without that, the result is undefined.
fn given<'a>(name: &'a str, otherwise: Option<Expr<'a>>, span: Span) -> Expr<'a> {
    let test = ast::Test {
        name: macros::GIVEN,
        expr: var(name, span),
        args: Vec::new(),
    };
    node!(Expr::IfExpr, span, {
        test_expr: Expr::Test(Spanned::new(test, span)),
        true_expr: var(name, span),
        false_expr: otherwise,
    })
}

fn var<'a>(id: &'a str, span: Span) -> Expr<'a> {
    node!(Expr::Var, span, { id })
}

fn constant<'a>(value: Value, span: Span) -> Expr<'a> {
    node!(Expr::Const, span, { value })
}

/// `{% set name = value %}`.
fn store<'a>(name: &'a str, expr: Expr<'a>, span: Span) -> Stmt<'a> {
    let target = var(name, span);
    node!(Stmt::Set, span, { target, expr })
}

fn unknown(what: &str) -> Error {
    Error::new(ErrorKind::SyntaxError, format!("{what} is unknown"))
}
