//! What minijinja cannot be told by filters, tests and functions: its parsed template, made anew.
//!
//! Operators and look-ups that Python answers otherwise become filters of [`super::operators`]; loops, macros and
//! `with` become those that Jinja2's are.

use super::{macros, methods};
use minijinja::machinery::{Span, ast};
use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

use ast::{BinOpKind, CallArg, CompareOpKind, Expr, Spanned, Stmt, UnaryOpKind};

type Result<T> = std::result::Result<T, Error>;

/// The filters that give a generator in Python: it is always true, has no length, and is used up by a loop.
const GENERATORS: [&str; 10] = [
    "batch",
    "items",
    "map",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "slice",
    "unique",
];

/// A whole template.
pub(super) fn template<'a>(parsed: &Stmt<'a>) -> Result<Stmt<'a>> {
    statement(parsed)
}

fn statements<'a>(body: &[Stmt<'a>]) -> Result<Vec<Stmt<'a>>> {
    let mut made = Vec::with_capacity(body.len());
    for parsed in body {
        made.push(statement(parsed)?);
        // A macro is wrapped as soon as it is made.
        if let Stmt::Macro(parsed) = parsed {
            made.push(wrapping(parsed));
        }
    }
    Ok(made)
}

fn statement<'a>(parsed: &Stmt<'a>) -> Result<Stmt<'a>> {
    Ok(match parsed {
        Stmt::Template(of) => {
            let children = statements(&of.children)?;
            Stmt::Template(Spanned::new(ast::Template { children }, of.span()))
        }
        Stmt::EmitExpr(of) => {
            let expr = expression(&of.expr)?;
            Stmt::EmitExpr(Spanned::new(ast::EmitExpr { expr }, of.span()))
        }
        Stmt::EmitRaw(of) => Stmt::EmitRaw(Spanned::new(ast::EmitRaw { raw: of.raw }, of.span())),
        Stmt::Continue(of) => Stmt::Continue(Spanned::new(ast::Continue, of.span())),
        Stmt::Break(of) => Stmt::Break(Spanned::new(ast::Break, of.span())),
        Stmt::ForLoop(of) => {
            let several = !matches!(of.target, Expr::Var(_));
            let made = ast::ForLoop {
                target: expression(&of.target)?,
                iter: filter(
                    "iterate",
                    expression(&of.iter)?,
                    vec![constant(several.into(), of.span())],
                ),
                filter_expr: of.filter_expr.as_ref().map(expression).transpose()?,
                recursive: of.recursive,
                body: statements(&of.body)?,
                else_body: statements(&of.else_body)?,
            };
            Stmt::ForLoop(Spanned::new(made, of.span()))
        }
        Stmt::IfCond(of) => {
            let made = ast::IfCond {
                expr: expression(&of.expr)?,
                true_body: statements(&of.true_body)?,
                false_body: statements(&of.false_body)?,
            };
            Stmt::IfCond(Spanned::new(made, of.span()))
        }
        Stmt::WithBlock(of) => {
            let made = ast::WithBlock {
                assignments: assignments(&of.assignments, of.span())?,
                body: statements(&of.body)?,
            };
            Stmt::WithBlock(Spanned::new(made, of.span()))
        }
        Stmt::Set(of) => {
            let (target, expr) = (target(&of.target)?, expression(&of.expr)?);
            Stmt::Set(Spanned::new(ast::Set { target, expr }, of.span()))
        }
        Stmt::SetBlock(of) => {
            let made = ast::SetBlock {
                target: target(&of.target)?,
                filter: of.filter.as_ref().map(expression).transpose()?,
                body: statements(&of.body)?,
            };
            Stmt::SetBlock(Spanned::new(made, of.span()))
        }
        Stmt::AutoEscape(of) => {
            let (enabled, body) = (expression(&of.enabled)?, statements(&of.body)?);
            Stmt::AutoEscape(Spanned::new(ast::AutoEscape { enabled, body }, of.span()))
        }
        Stmt::FilterBlock(of) => {
            let made = ast::FilterBlock {
                filter: expression(&of.filter)?,
                filter_span: of.filter_span,
                body: statements(&of.body)?,
            };
            Stmt::FilterBlock(Spanned::new(made, of.span()))
        }
        Stmt::Macro(of) => {
            let mut made = macro_of(of)?;
            made.args
                .extend(macros::REST.map(|name| var(name, of.span())));
            Stmt::Macro(Spanned::new(made, of.span()))
        }
        Stmt::CallBlock(of) => {
            let made = ast::CallBlock {
                call: Spanned::new(call(&of.call)?, of.call.span()),
                call_expr_span: of.call_expr_span,
                macro_decl: Spanned::new(caller(&of.macro_decl)?, of.macro_decl.span()),
            };
            Stmt::CallBlock(Spanned::new(made, of.span()))
        }
        Stmt::Do(_) => return Err(unknown("the statement do")),
    })
}

/// All of them have their values before any is set.
fn assignments<'a>(of: &[(Expr<'a>, Expr<'a>)], span: Span) -> Result<Vec<(Expr<'a>, Expr<'a>)>> {
    let made = of
        .iter()
        .map(|(to, value)| Ok((target(to)?, expression(value)?)));
    let made: Vec<_> = made.collect::<Result<_>>()?;
    if made.len() < 2 {
        return Ok(made);
    }
    let (targets, values) = made.into_iter().unzip();
    let targets = Expr::List(Spanned::new(ast::List { items: targets }, span));
    let values = Expr::Tuple(Spanned::new(ast::Tuple { items: values }, span));
    Ok(vec![(targets, values)])
}

/// What is assigned to: an attribute of a namespace is no look-up.
fn target<'a>(of: &Expr<'a>) -> Result<Expr<'a>> {
    match of {
        Expr::GetAttr(attribute) => {
            let made = ast::GetAttr {
                expr: expression(&attribute.expr)?,
                name: attribute.name,
            };
            Ok(Expr::GetAttr(Spanned::new(made, attribute.span())))
        }
        other => expression(other),
    }
}

/// A macro whose defaults are set in its body: in order, so that one may name an earlier argument, and where nothing
/// is given, not where what is given is undefined.
fn macro_of<'a>(of: &Spanned<ast::Macro<'a>>) -> Result<ast::Macro<'a>> {
    let span = of.span();
    let names = argument_names(of);
    let first = names.len() - of.defaults.len();
    let mut body = Vec::with_capacity(of.defaults.len() + of.body.len());
    for (name, default) in names[first..].iter().zip(&of.defaults) {
        let given = ast::Test {
            name: macros::GIVEN,
            expr: var(name, span),
            args: Vec::new(),
        };
        let value = ast::IfExpr {
            test_expr: Expr::Test(Spanned::new(given, span)),
            true_expr: var(name, span),
            false_expr: Some(expression(default)?),
        };
        let expr = Expr::IfExpr(Spanned::new(value, span));
        body.push(Stmt::Set(Spanned::new(
            ast::Set {
                target: var(name, span),
                expr,
            },
            span,
        )));
    }
    body.append(&mut statements(&of.body)?);
    let args = names.iter().map(|name| var(name, span)).collect();
    Ok(ast::Macro {
        name: of.name,
        args,
        defaults: Vec::new(),
        body,
    })
}

/// The body of a `{% call %}`, which the engine calls itself: its defaults are left to the engine.
fn caller<'a>(of: &Spanned<ast::Macro<'a>>) -> Result<ast::Macro<'a>> {
    Ok(ast::Macro {
        name: of.name,
        args: argument_names(of)
            .iter()
            .map(|name| var(name, of.span()))
            .collect(),
        defaults: of.defaults.iter().map(expression).collect::<Result<_>>()?,
        body: statements(&of.body)?,
    })
}

/// `{% set NAME = NAME | wrap(signature) %}`.
fn wrapping<'a>(of: &Spanned<ast::Macro<'a>>) -> Stmt<'a> {
    let span = of.span();
    let names = argument_names(of).into_iter().map(str::to_owned).collect();
    let signature = macros::Signature {
        names,
        defaults: of.defaults.len(),
    };
    let signature = constant(Value::from_object(signature), span);
    let expr = filter(macros::WRAP, var(of.name, span), vec![signature]);
    Stmt::Set(Spanned::new(
        ast::Set {
            target: var(of.name, span),
            expr,
        },
        span,
    ))
}

fn argument_names<'a>(of: &ast::Macro<'a>) -> Vec<&'a str> {
    let name = |argument: &Expr<'a>| match argument {
        Expr::Var(var) => Some(var.id),
        _ => None,
    };
    of.args.iter().filter_map(name).collect()
}

fn expression<'a>(parsed: &Expr<'a>) -> Result<Expr<'a>> {
    let all = |items: &[Expr<'a>]| items.iter().map(expression).collect::<Result<Vec<_>>>();
    let optional = |item: &Option<Expr<'a>>| item.as_ref().map(expression).transpose();
    let span = parsed.span();
    Ok(match parsed {
        Expr::Var(of) => var(of.id, span),
        Expr::Const(of) => constant(of.value.clone(), span),
        Expr::Slice(of) => {
            let bound = |bound: &Option<Expr<'a>>| match bound {
                Some(bound) => expression(bound),
                None => Ok(constant(().into(), span)),
            };
            let bounds = vec![bound(&of.start)?, bound(&of.stop)?, bound(&of.step)?];
            filter("[:]", expression(&of.expr)?, bounds)
        }
        Expr::UnaryOp(of) => {
            // It cannot be copied.
            #[expect(clippy::needless_match)]
            let op = match of.op {
                UnaryOpKind::Not => UnaryOpKind::Not,
                UnaryOpKind::Neg => UnaryOpKind::Neg,
            };
            let expr = expression(&of.expr)?;
            Expr::UnaryOp(Spanned::new(ast::UnaryOp { op, expr }, span))
        }
        Expr::BinOp(of) => {
            let (left, right) = (expression(&of.left)?, expression(&of.right)?);
            match operator(of.op) {
                Some(name) => filter(name, left, vec![right]),
                None => {
                    let made = Expr::BinOp(Spanned::new(
                        ast::BinOp {
                            op: of.op,
                            left,
                            right,
                        },
                        span,
                    ));
                    match of.op {
                        BinOpKind::Mul => filter("whole", made, Vec::new()),
                        _ => made,
                    }
                }
            }
        }
        Expr::Compare(of) => {
            let mut args = Vec::new();
            for op in &of.ops {
                args.push(constant(comparison(op.op).into(), span));
                args.push(expression(&op.expr)?);
            }
            filter("compare", expression(&of.expr)?, args)
        }
        Expr::IfExpr(of) => {
            let made = ast::IfExpr {
                test_expr: expression(&of.test_expr)?,
                true_expr: expression(&of.true_expr)?,
                false_expr: optional(&of.false_expr)?,
            };
            Expr::IfExpr(Spanned::new(made, span))
        }
        Expr::Filter(of) => {
            let (name, expr, args) = (of.name, optional(&of.expr)?, arguments(&of.args)?);
            let made = Expr::Filter(Spanned::new(ast::Filter { name, expr, args }, span));
            match name {
                "sum" => filter("whole", made, Vec::new()),
                name if GENERATORS.contains(&name) => filter("generator", made, Vec::new()),
                _ => made,
            }
        }
        Expr::Test(of) => {
            let (name, expr, args) = (of.name, expression(&of.expr)?, arguments(&of.args)?);
            Expr::Test(Spanned::new(ast::Test { name, expr, args }, span))
        }
        Expr::GetAttr(of) => {
            let (name, expr) = (of.name, expression(&of.expr)?);
            match methods::is_method(name) || name.starts_with('_') {
                true => filter(".", expr, vec![constant(name.into(), span)]),
                false => Expr::GetAttr(Spanned::new(ast::GetAttr { name, expr }, span)),
            }
        }
        Expr::GetItem(of) => {
            let (expr, key) = (expression(&of.expr)?, expression(&of.subscript_expr)?);
            let simple = matches!(&key, Expr::Const(key) if key.value.is_integer()
                || key.value.as_str().is_some_and(|name| !methods::is_method(name)));
            match simple {
                true => Expr::GetItem(Spanned::new(
                    ast::GetItem {
                        expr,
                        subscript_expr: key,
                    },
                    span,
                )),
                false => filter("[]", expr, vec![key]),
            }
        }
        Expr::Call(of) => Expr::Call(Spanned::new(call(of)?, span)),
        Expr::List(of) => Expr::List(Spanned::new(
            ast::List {
                items: all(&of.items)?,
            },
            span,
        )),
        Expr::Tuple(of) => Expr::Tuple(Spanned::new(
            ast::Tuple {
                items: all(&of.items)?,
            },
            span,
        )),
        Expr::Map(of) => {
            let (keys, values) = (all(&of.keys)?, all(&of.values)?);
            Expr::Map(Spanned::new(ast::Map { keys, values }, span))
        }
    })
}

fn call<'a>(of: &ast::Call<'a>) -> Result<ast::Call<'a>> {
    // A method is found by its name where it is called.
    let expr = target(&of.expr)?;
    let mut args = arguments(&of.args)?;
    if let (Expr::Var(called), [CallArg::Pos(_)]) = (&expr, &args[..])
        && called.id == "loop"
        && let Some(CallArg::Pos(items)) = args.pop()
    {
        args.push(CallArg::Pos(filter("iterate", items, Vec::new())));
    }
    Ok(ast::Call { expr, args })
}

fn arguments<'a>(of: &[CallArg<'a>]) -> Result<Vec<CallArg<'a>>> {
    let argument = |argument: &CallArg<'a>| {
        Ok(match argument {
            CallArg::Pos(value) => CallArg::Pos(expression(value)?),
            CallArg::Kwarg(name, value) => CallArg::Kwarg(name, expression(value)?),
            CallArg::PosSplat(value) => CallArg::PosSplat(expression(value)?),
            CallArg::KwargSplat(value) => CallArg::KwargSplat(expression(value)?),
        })
    };
    of.iter().map(argument).collect()
}

/// The filter that stands for an operator, where minijinja's own is another.
fn operator(op: BinOpKind) -> Option<&'static str> {
    Some(match op {
        BinOpKind::Add => "+",
        BinOpKind::Rem => "%",
        BinOpKind::Concat => "~",
        BinOpKind::In => "in",
        BinOpKind::Eq => "==",
        BinOpKind::Ne => "!=",
        BinOpKind::Lt => "<",
        BinOpKind::Lte => "<=",
        BinOpKind::Gt => ">",
        BinOpKind::Gte => ">=",
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
    Expr::Filter(Spanned::new(
        ast::Filter {
            name,
            expr: Some(of),
            args,
        },
        span,
    ))
}

fn var<'a>(id: &'a str, span: Span) -> Expr<'a> {
    Expr::Var(Spanned::new(ast::Var { id }, span))
}

fn constant<'a>(value: Value, span: Span) -> Expr<'a> {
    Expr::Const(Spanned::new(ast::Const { value }, span))
}

fn unknown(what: &str) -> Error {
    Error::new(ErrorKind::SyntaxError, format!("{what} is unknown"))
}
